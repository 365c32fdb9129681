package dev.tartan.jmh.scale;

import dev.tartan.indexing.PassageSource;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Passages of any number, drawn from a {@link CorpusModel} when they are read. A passage follows a
 * template; spans of it come from other templates of the topic, as texts about one thing share
 * phrases. Each token is its type, the context of the passage, and a residual as long as the
 * template's was, which has three parts: a variant of the type, which other passages of the topic
 * share (new words, other senses: by Zipf's law, so that their number grows with the corpus by
 * Heaps'), one that tokens of the type in this passage share (a word that is repeated), and noise
 * of its own.
 *
 * <p>Everything is a function of the seed, the passage and the position: any part can be read in
 * any order, again and again, in constant memory. Confined to one thread.
 */
final class GeneratedCorpus implements PassageSource {
  /** Passages between two entries of the table of offsets. */
  private static final int STRIDE = 64;

  private final CorpusModel model;
  private final Recipe recipe;
  private final Noise noise;
  private final long seed;
  private final int passages;
  private final int[] firstTokens;
  private final int[][] topics;
  private final long[] offsets;
  private final long tokens;

  /**
   * @param passages at least 1
   */
  GeneratedCorpus(CorpusModel model, Recipe recipe, long seed, int passages) {
    this.model = model;
    this.recipe = recipe;
    this.noise = new Noise(model.factor(), model.dim());
    this.seed = seed;
    this.passages = passages;
    this.firstTokens = new int[model.templates() + 1];
    for (int t = 0; t < model.templates(); t++) {
      firstTokens[t + 1] = firstTokens[t] + model.doclens()[t];
    }
    this.topics = members(model.topics());
    this.offsets = new long[passages / STRIDE + 1];
    long sum = 0;
    for (int p = 0; p < passages; p++) {
      if (p % STRIDE == 0) {
        offsets[p / STRIDE] = sum;
      }
      sum += doclen(p);
    }
    this.tokens = sum;
  }

  /** The templates of each topic. */
  private static int[][] members(int[] topics) {
    int[][] members = new int[Arrays.stream(topics).max().orElse(0) + 1][];
    int[] counts = new int[members.length];
    Arrays.stream(topics).forEach(t -> counts[t]++);
    Arrays.setAll(members, t -> new int[counts[t]]);
    for (int template = topics.length - 1; template >= 0; template--) {
      members[topics[template]][--counts[topics[template]]] = template;
    }
    return members;
  }

  CorpusModel model() {
    return model;
  }

  @Override
  public int passages() {
    return passages;
  }

  /** The template that a passage follows. */
  int template(int passage) {
    return Seeds.below(Seeds.mix(seed, passage), model.templates());
  }

  @Override
  public int doclen(int passage) {
    return model.doclens()[template(passage)];
  }

  @Override
  public long tokens() {
    return tokens;
  }

  @Override
  public int dim() {
    return model.dim();
  }

  @Override
  public String name() {
    return "the generated corpus";
  }

  @Override
  public void read(long first, Matrix target) {
    int block = Arrays.binarySearch(offsets, first);
    block = block >= 0 ? block : -block - 2;
    int passage = block * STRIDE;
    long start = offsets[block];
    while (start + doclen(passage) <= first) {
      start += doclen(passage++);
    }
    long done = 0;
    float[] rows = new float[0];
    while (done < target.rows()) {
      int skip = (int) (first + done - start);
      int n = (int) Math.min(doclen(passage) - skip, target.rows() - done);
      rows = rows.length < (skip + n) * dim() ? new float[(skip + n) * dim()] : rows;
      fill(passage, skip, skip + n, rows);
      long at = done * dim() * Float.BYTES;
      MemorySegment.copy(rows, skip * dim(), target.data(), Layouts.F32, at, n * dim());
      done += n;
      start += doclen(passage++);
    }
  }

  /** The token embeddings of one passage, [doclen, dim]. */
  float[] passage(int passage) {
    float[] rows = new float[doclen(passage) * dim()];
    fill(passage, 0, doclen(passage), rows);
    return rows;
  }

  /** What all tokens of a passage have in common. */
  private record Voice(long seed, int topic, float[] context) {}

  /** Makes the tokens {@code [from, to)} of a passage, each at its place in {@code rows}. */
  private void fill(int passage, int from, int to, float[] rows) {
    long own = Seeds.mix(seed ^ 0x5EED, passage);
    int template = template(passage);
    int length = model.doclens()[template];
    int[] topic = topics[model.topics()[template]];
    Voice voice = new Voice(own, model.topics()[template], context(own, template, topic));
    int position = 0;
    for (int span = 1; position < to; span++) {
      long drawn = Seeds.mix(own, -span);
      boolean crossed = Seeds.unit(drawn) < recipe.crossover();
      int source = crossed ? topic[Seeds.below(Seeds.mix(drawn, 1), topic.length)] : template;
      int sourceLength = model.doclens()[source];
      int start = (int) ((long) position * sourceLength / length);
      int wanted = 1 + (int) (-recipe.span() * Math.log(Seeds.unit(Seeds.mix(drawn, 2))));
      int end = position + Math.min(Math.min(wanted, length - position), sourceLength - start);
      for (int i = Math.max(position, from); i < Math.min(end, to); i++) {
        int token = firstTokens[source] + start + i - position;
        fillToken(token, voice, i, rows);
      }
      position = end;
    }
  }

  /** What the tokens of a passage share: that of its template turned towards that of another. */
  private float[] context(long own, int template, int[] topic) {
    int other = topic[Seeds.below(Seeds.mix(own, -1001), topic.length)];
    double angle = recipe.turn() * Math.PI / 2 * Seeds.unit(Seeds.mix(own, -1002));
    float[] context = new float[dim()];
    Vectors.add(context, 0, (float) Math.cos(angle), model.means(), template * dim(), dim());
    Vectors.add(context, 0, (float) Math.sin(angle), model.means(), other * dim(), dim());
    return context;
  }

  private void fillToken(int token, Voice voice, int position, float[] rows) {
    int at = position * dim();
    int type = model.codes()[token];
    float spread = model.spreads()[token];
    System.arraycopy(model.types(), type * dim(), rows, at, dim());
    long word =
        Seeds.mix(voice.seed, ~(long) type); // the same for all tokens of a type in a passage
    double rank = Math.pow(Seeds.unit(word), -recipe.variety());
    int variant = noise.row(Seeds.mix(Seeds.mix(type, voice.topic), (long) rank));
    int here = noise.row(Seeds.mix(word, 1));
    int alone = noise.row(Seeds.mix(voice.seed, position));
    // What lies far from every type is a word of its own rather than a variant of a common one.
    float fresh = spread * (float) Math.sqrt(1 - recipe.kept());
    float common = (float) recipe.variants() * Math.max(0, 1 - spread * spread);
    float repeated = (float) recipe.repeats() * (1 - common);
    float variantShare = fresh * (float) Math.sqrt(common);
    float hereShare = fresh * (float) Math.sqrt(repeated);
    float aloneShare = fresh * (float) Math.sqrt(1 - common - repeated);
    float[] pool = noise.pool();
    for (int d = 0; d < dim(); d++) {
      rows[at + d] +=
          voice.context[d]
              + variantShare * pool[variant + d]
              + hereShare * pool[here + d]
              + aloneShare * pool[alone + d];
    }
    addSigns(token, spread * (float) Math.sqrt(recipe.kept() / dim()), rows, at);
    Vectors.normalize(rows, at, dim());
  }

  /** Adds {@code size} or its negative in each dimension, by the signs of a template's token. */
  private void addSigns(int token, float size, float[] rows, int at) {
    int words = CorpusModel.signWords(dim());
    int bits = Float.floatToRawIntBits(size);
    for (int w = 0; w < words; w++) {
      int negative = ~model.signs()[token * words + w];
      int end = Math.min(dim() - w * 32, 32);
      for (int d = 0; d < end; d++) {
        rows[at + w * 32 + d] += Float.intBitsToFloat(bits | negative >>> d << 31);
      }
    }
  }
}
