package dev.tartan.train.synthetic;

import dev.tartan.collection.Collection;
import dev.tartan.collection.Document;
import dev.tartan.collection.DocumentReader;
import dev.tartan.memory.Progress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/**
 * Documents of a collection in an order that a seed and their ids decide: a larger sample begins
 * with the smaller one, so a run can be asked for more. Documents without text are left out.
 *
 * @param checksum of ids and texts of the whole collection
 * @param documents with text in the collection
 * @param passages the sample, in its order
 */
public record PassageSample(long checksum, long documents, List<Passage> passages) {
  private record Drawn(long key, Passage passage) {
    static final Comparator<Drawn> ORDER =
        Comparator.comparingLong(Drawn::key).thenComparing(drawn -> drawn.passage().id());
  }

  /**
   * Draws in one pass; memory grows with the sample, not with the collection.
   *
   * @param count passages to draw; all if there are fewer
   * @throws dev.tartan.memory.TartanException as {@link Collection}
   */
  public static PassageSample draw(Collection collection, int count, long seed, Progress progress) {
    PriorityQueue<Drawn> drawn = new PriorityQueue<>(Drawn.ORDER.reversed());
    CRC32C crc = new CRC32C();
    long documents = 0;
    try (DocumentReader reader = collection.open()) {
      progress.stage("sampling", "KiB of text", reader.totalBytes() >> 10);
      while (reader.hasNext()) {
        Document document = reader.next();
        String text = document.passage();
        crc.update((document.id() + "\0" + text + "\0").getBytes(StandardCharsets.UTF_8));
        if (!text.isEmpty()) {
          documents++;
          offer(
              drawn, new Drawn(key(document.id(), seed), new Passage(document.id(), text)), count);
        }
        progress.advance(reader.newKibibytes());
      }
    }
    progress.done();
    List<Passage> passages = new ArrayList<>();
    drawn.stream().sorted(Drawn.ORDER).forEach(one -> passages.add(one.passage()));
    return new PassageSample(crc.getValue(), documents, List.copyOf(passages));
  }

  private static void offer(PriorityQueue<Drawn> drawn, Drawn one, int count) {
    if (drawn.size() == count && Drawn.ORDER.compare(one, drawn.peek()) > 0) {
      return;
    }
    String text = Prompts.cut(one.passage().text(), Prompts.PASSAGE_CHARACTERS);
    drawn.add(new Drawn(one.key(), new Passage(one.passage().id(), text)));
    if (drawn.size() > count) {
      drawn.remove();
    }
  }

  private static long key(String id, long seed) {
    long hash = 1125899906842597L;
    for (int i = 0; i < id.length(); i++) {
      hash = 31 * hash + id.charAt(i);
    }
    return new SplittableRandom(hash ^ new SplittableRandom(seed).nextLong()).nextLong();
  }
}
