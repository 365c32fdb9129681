package dev.tartan.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.checkpoint.ElementType;
import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.checkpoint.StoredTensor;
import dev.tartan.encode.model.Torch;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * What a run resumes from, in a folder of its own: {@code state-STEP/} with the trained weights,
 * the optimiser's moments and a few numbers. The last one is kept; it appears under its name when
 * it is complete. Order and dropout follow from seed and step and need no keeping.
 *
 * @param step steps done
 * @param bestStep the one with the best metric; -1 if nothing was measured
 * @param bestMetric its metric
 * @param run tells this run's options and data from others
 */
record TrainingState(int step, int bestStep, double bestMetric, String run) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PREFIX = "state-";
  private static final String PART = ".part";

  /** Where nothing has been done. */
  static TrainingState start(String run) {
    return new TrainingState(0, -1, Double.NEGATIVE_INFINITY, run);
  }

  /** The folder of the newest state within {@code folder}, if there is one. */
  static Optional<Path> newest(Path folder) {
    return states(folder).stream()
        .filter(path -> !path.toString().endsWith(PART))
        .max(Comparator.comparingInt(TrainingState::number));
  }

  private static int number(Path state) {
    return Integer.parseInt(state.getFileName().toString().substring(PREFIX.length()));
  }

  private static List<Path> states(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> paths = Files.list(folder)) {
      return paths
          .filter(p -> p.getFileName().toString().matches(PREFIX + "\\d+(\\.part)?"))
          .toList();
    } catch (IOException e) {
      throw TartanException.io("cannot read " + folder, e);
    }
  }

  /** Writes this with weights and moments, and removes what was there before. */
  void save(Path folder, Map<String, Tensor> trained, AdamW optimizer) {
    Path state = folder.resolve(PREFIX + step);
    Path part = folder.resolve(PREFIX + step + PART);
    try {
      delete(part);
      Files.createDirectories(part);
      SafetensorsFile.write(part.resolve("weights.safetensors"), stored(trained));
      SafetensorsFile.write(part.resolve("optimizer.safetensors"), optimizer.state());
      ObjectNode json = JSON.createObjectNode().put("step", step).put("run", run);
      if (bestStep >= 0) {
        json.put("best_step", bestStep).put("best_metric", bestMetric);
      }
      Files.write(part.resolve("state.json"), JSON.writeValueAsBytes(json));
      delete(state);
      Files.move(part, state, StandardCopyOption.ATOMIC_MOVE);
      for (Path other : states(folder)) {
        if (!other.equals(state)) {
          delete(other);
        }
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write " + state, e);
    }
  }

  /**
   * Reads a state back into weights and optimiser.
   *
   * @throws TartanException if it is of another run or damaged
   */
  static TrainingState restore(
      Path state, String run, Map<String, Tensor> trained, AdamW optimizer) {
    try (Arena arena = Arena.ofShared()) {
      JsonNode json = JSON.readTree(Files.readString(state.resolve("state.json")));
      String before = json.path("run").asText();
      if (!before.equals(run)) {
        throw new TartanException(
            "%s is of a run with other options or data (%s, now %s); give the same, or another --out"
                .formatted(state, before, run));
      }
      SafetensorsFile weights = SafetensorsFile.open(state.resolve("weights.safetensors"), arena);
      stored(trained)
          .forEach((name, tensor) -> tensor.bytes().copyFrom(weights.tensor(name).bytes()));
      optimizer.restore(SafetensorsFile.open(state.resolve("optimizer.safetensors"), arena));
      return new TrainingState(
          json.path("step").asInt(),
          json.path("best_step").asInt(-1),
          json.path("best_metric").asDouble(Double.NEGATIVE_INFINITY),
          run);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + state, e);
    }
  }

  private static Map<String, StoredTensor> stored(Map<String, Tensor> trained) {
    Map<String, StoredTensor> stored = new LinkedHashMap<>();
    trained.forEach(
        (name, tensor) ->
            stored.put(
                name,
                StoredTensor.of(
                    ElementType.F32, tensor.sizes().vec().get(), Torch.memory(tensor))));
    return stored;
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> paths = Files.list(folder)) {
      for (Path path : paths.toList()) {
        Files.delete(path);
      }
    }
    Files.delete(folder);
  }
}
