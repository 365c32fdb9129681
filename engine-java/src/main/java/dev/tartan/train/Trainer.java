package dev.tartan.train;

import dev.tartan.collection.TrainingExample;
import dev.tartan.encode.Encoders;
import dev.tartan.encode.ModelParts;
import dev.tartan.encode.model.Dropout;
import dev.tartan.encode.model.Torch;
import dev.tartan.encode.model.TrainableModel;
import dev.tartan.encode.text.ColbertInputs;
import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.jspecify.annotations.Nullable;

/**
 * A training run: steps of {@link Distillation} over shuffled examples, measured on development
 * queries, the best model written, states to resume from. One seed gives one result to the bit,
 * with or without an interruption. Uses LibTorch's one random state: one run a process at a time.
 */
public final class Trainer {
  private static final int LOSSES = 20;

  private final TrainRun run;
  private final TrainOptions options;
  private final TrainingData data;
  private final Progress progress;
  private final Path folder;
  private final ModelParts parts;
  private final TrainableModel model;
  private final AdamW optimizer;
  private final ColbertInputs inputs;
  private final int language;
  private final ExampleOrder order;
  private TrainingState state;

  private Trainer(
      TrainRun run, TrainOptions options, TrainingData data, Progress progress, Loaded loaded) {
    this.run = run;
    this.options = options;
    this.data = data;
    this.progress = progress;
    this.folder = run.out().resolve("training");
    this.parts = loaded.parts;
    this.model = loaded.model;
    this.language = parts.language(model.languages(), run.language());
    this.inputs = new ColbertInputs(parts.tokenizer(), parts.config());
    this.optimizer = new AdamW(model.trained(), options.weightDecay(), loaded.arena);
    this.order = new ExampleOrder(data.examples().size(), options.seed());
    this.state = TrainingState.start(fingerprint());
  }

  /** A model and the memory of its weights. */
  private record Loaded(Arena arena, ModelParts parts, TrainableModel model) {}

  private static TrainableModel open(ModelParts parts, TrainOptions options, Arena arena) {
    TrainableModel model =
        TrainableModel.open(
            parts.architecture(),
            parts.weights(),
            parts.head(),
            parts.config().layer(),
            options.frozenBackbone(),
            arena);
    int longest =
        Math.max(parts.config().query().maxLength(), parts.config().passage().maxLength());
    if (longest > model.maxLength() || parts.tokenizer().size() > model.vocabularySize()) {
      model.close();
      throw new TartanException(
          "%s: tokenizer, lengths and weights do not belong together".formatted(parts.name()));
    }
    return model;
  }

  /**
   * Trains.
   *
   * @param data its examples have the number of passages that the loss wants
   * @throws TartanException if the model cannot be trained, {@code out} holds another run, or a
   *     file cannot be written; or if the loss is no number any more
   */
  public static TrainResult train(
      TrainRun run, TrainOptions options, TrainingData data, Progress progress) {
    Optional<Path> newest = TrainingState.newest(run.out().resolve("training"));
    if (newest.isPresent() && !run.resume()) {
      throw new TartanException(
          "%s holds a training run already; go on with it (--resume), or name another folder"
              .formatted(run.out()));
    }
    if (options.loss().nway() != data.nway()) {
      throw new TartanException(
          "examples have %d passages, nway asks for %d"
              .formatted(data.nway(), options.loss().nway()));
    }
    try (Arena arena = Arena.ofShared();
        ModelParts parts = Encoders.parts(run.model(), arena);
        TrainableModel model = open(parts, options, arena)) {
      Loaded loaded = new Loaded(arena, parts, model);
      return new Trainer(run, options, data, progress, loaded).train(newest.orElse(null));
    }
  }

  private TrainResult train(@Nullable Path stored) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw TartanException.io("cannot write to " + folder, e);
    }
    if (stored != null) {
      state = TrainingState.restore(stored, state.run(), model.trained(), optimizer);
    }
    Dropout stated = Objects.requireNonNullElse(options.dropout(), model.statedDropout());
    try (TextRows still = rows(Dropout.NONE);
        TrainingLog log =
            new TrainingLog(folder.resolve("log.csv"), stored == null ? -1 : state.step())) {
      TextRows training = options.frozenBackbone() ? still : rows(stated);
      Development development = data.development();
      if (stored == null && development != null) {
        progress.stage("measuring before", "passages", development.passages().size());
        double before = measure(still, progress);
        log.add(new TrainingLog.Row(0, Double.NaN, Double.NaN, Double.NaN, before));
      }
      int left = options.steps() - state.step();
      progress.stage("training", "examples", (long) left * options.batch());
      while (state.step() < options.steps()) {
        oneStep(training, still, log);
      }
      progress.done();
      LearningCurve.draw(log.rows(), folder.resolve("curve.svg"));
      return result(log.rows());
    }
  }

  private TextRows rows(Dropout dropout) {
    return options.frozenBackbone()
        ? new CachedRows(model, inputs, language, run.threads(), folder.resolve("hidden.tmp"))
        : new LiveRows(model, inputs, language, dropout);
  }

  private void oneStep(TextRows training, TextRows still, TrainingLog log) {
    int step = state.step();
    Torch.seed(ExampleOrder.mix(options.seed(), -1 - step));
    int[] batch = order.batch(step, options.batch());
    int size = options.batch() / options.accumulate();
    double loss = 0;
    for (int from = 0; from < batch.length; from += size) {
      loss += part(Arrays.copyOfRange(batch, from, from + size), training);
    }
    if (!Double.isFinite(loss)) {
      throw new TartanException(
          "the loss is no number any more at step %d; lower --lr".formatted(step + 1));
    }
    double norm = optimizer.clip(options.clip());
    double rate = options.rate(step);
    optimizer.step(rate);
    state = new TrainingState(step + 1, state.bestStep(), state.bestMetric(), state.run());
    progress.advance(batch.length);
    boolean last = step + 1 == options.steps();
    boolean measures = last || (step + 1) % run.measureEvery() == 0;
    Double metric =
        measures && data.development() != null ? (Double) measure(still, Progress.NONE) : null;
    log.add(new TrainingLog.Row(step + 1, loss, norm, rate, metric));
    progress.detail(detail(loss, rate));
    if (last || (step + 1) % run.saveEvery() == 0) {
      save(log);
    }
  }

  /** Adds the gradients of some examples; gives their share of the loss. */
  private double part(int[] numbers, TextRows rows) {
    List<String> queries = new ArrayList<>();
    List<String> passages = new ArrayList<>();
    int nway = options.loss().nway();
    float[] teacher = data.isScored() ? new float[numbers.length * nway] : null;
    for (int number : numbers) {
      TrainingExample example = data.examples().get(number);
      float[] scores = example.scores();
      if (teacher != null && scores != null) {
        System.arraycopy(scores, 0, teacher, queries.size() * nway, nway);
      }
      queries.add(Objects.requireNonNull(data.queries().get(example.queryId())));
      example
          .passageIds()
          .forEach(id -> passages.add(Objects.requireNonNull(data.passages().get(id))));
    }
    try (PointerScope _ = new PointerScope()) {
      Distillation.Loss loss =
          options.loss().loss(rows.queries(queries), rows.passages(passages), teacher);
      var share = loss.total().div(new Scalar((double) options.accumulate()));
      share.backward();
      return share.item_double();
    }
  }

  /** Measures the weights as they are, and writes them if they are the best. */
  private double measure(TextRows still, Progress told) {
    Development development = Objects.requireNonNull(data.development());
    double metric = development.ndcg(still, run.threads(), told);
    if (metric > state.bestMetric()) {
      state = new TrainingState(state.step(), state.step(), metric, state.run());
      parts.write(run.out());
    }
    return metric;
  }

  private void save(TrainingLog log) {
    if (data.development() == null) {
      parts.write(run.out());
    }
    state.save(folder, model.trained(), optimizer);
    LearningCurve.draw(log.rows(), folder.resolve("curve.svg"));
  }

  private String detail(double loss, double rate) {
    String text = String.format(Locale.ROOT, "loss %.4f, rate %.2e", loss, rate);
    return state.bestStep() < 0
        ? text
        : text + String.format(Locale.ROOT, ", best nDCG@10 %.4f", state.bestMetric());
  }

  private TrainResult result(List<TrainingLog.Row> rows) {
    double loss =
        rows.stream()
            .skip(Math.max(0, rows.size() - LOSSES))
            .mapToDouble(TrainingLog.Row::loss)
            .filter(value -> !Double.isNaN(value))
            .average()
            .orElse(Double.NaN);
    Double before = rows.getFirst().metric();
    TrainResult.Metrics metrics =
        before == null
            ? null
            : new TrainResult.Metrics(before, state.bestMetric(), state.bestStep());
    return new TrainResult(state.step(), loss, metrics);
  }

  private String fingerprint() {
    return "model %s, language %s, %s, measured every %d steps, data %x"
        .formatted(parts.name(), language, options, run.measureEvery(), data.checksum());
  }
}
