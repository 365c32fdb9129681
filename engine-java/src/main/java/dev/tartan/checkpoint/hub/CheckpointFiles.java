package dev.tartan.checkpoint.hub;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Which files of a repository make a checkpoint; repositories have much else. */
final class CheckpointFiles {
  /** Each makes the folder another kind of checkpoint. */
  static final List<String> TELLING =
      List.of("modules.json", "artifact.metadata", "colbert_linear.pt");

  private static final String MODULES = "modules.json";
  private static final Pattern SMALL =
      Pattern.compile(
          "config\\.json|tokenizer[a-z_]*\\.json|vocab\\.txt|special_tokens_map\\.json"
              + "|added_tokens\\.json|artifact\\.metadata|modules\\.json|colbert_linear\\.pt"
              + "|config_sentence_transformers\\.json|sentence_bert_config\\.json");
  private static final Pattern FOLDER = Pattern.compile("[\\w-][\\w.-]*(/[\\w-][\\w.-]*)*");
  private static final Pattern FILE = Pattern.compile("[\\w-][\\w.-]*");

  private final Set<String> paths;
  private final Function<String, JsonNode> json;

  /**
   * @param paths of all files there are
   * @param json reads one of them
   */
  CheckpointFiles(Set<String> paths, Function<String, JsonNode> json) {
    this.paths = paths;
    this.json = json;
  }

  /** Configuration, tokenizer and heads: the files that say what else is needed first. */
  List<String> small() {
    List<String> small = new ArrayList<>();
    for (String folder : folders().keySet()) {
      paths.stream()
          .filter(path -> path.startsWith(folder))
          .filter(path -> SMALL.matcher(path.substring(folder.length())).matches())
          .sorted()
          .forEach(small::add);
    }
    return small;
  }

  /** One kind of weights of each folder: the kind that is read where there are several. */
  List<String> weights() {
    Set<String> weights = new LinkedHashSet<>();
    folders().keySet().forEach(folder -> weights.addAll(weights(folder)));
    return new ArrayList<>(weights);
  }

  /** What a checkpoint cannot do without and is not there. */
  List<String> missing() {
    List<String> missing = new ArrayList<>();
    folders()
        .forEach(
            (folder, kind) -> {
              if (!paths.contains(folder + "config.json") && isRead(kind)) {
                missing.add(folder + "config.json");
              }
              if (kind.equals("Transformer")
                  && !paths.contains(folder + "tokenizer.json")
                  && !paths.contains(folder + "vocab.txt")) {
                missing.add(folder + "tokenizer.json");
              }
              List<String> weights = weights(folder);
              if (weights.isEmpty() && isRead(kind)) {
                missing.add(folder + "model.safetensors");
              }
              weights.stream().filter(path -> !paths.contains(path)).forEach(missing::add);
            });
    return missing;
  }

  private static boolean isRead(String kind) {
    return kind.equals("Transformer") || kind.equals("Dense");
  }

  /** The folders of the model, with a slash at the end or "", and the kind of their modules. */
  private Map<String, String> folders() {
    Map<String, String> folders = new LinkedHashMap<>();
    if (!paths.contains(MODULES)) {
      folders.put("", "Transformer");
      return folders;
    }
    folders.put("", "");
    for (JsonNode module : json.apply(MODULES)) {
      String folder = module.path("path").asText();
      String type = module.path("type").asText();
      String kind = type.substring(type.lastIndexOf('.') + 1);
      if (folder.isEmpty() || (FOLDER.matcher(folder).matches() && !folder.contains(".."))) {
        folders.merge(folder.isEmpty() ? "" : folder + "/", kind, (a, b) -> isRead(a) ? a : b);
      }
    }
    return folders;
  }

  private List<String> weights(String folder) {
    for (String name : List.of("model.safetensors", "pytorch_model.bin")) {
      if (paths.contains(folder + name)) {
        return List.of(folder + name);
      }
      String index = folder + name + ".index.json";
      if (paths.contains(index)) {
        Set<String> files = new LinkedHashSet<>(List.of(index));
        for (JsonNode shard : json.apply(index).path("weight_map")) {
          if (FILE.matcher(shard.asText()).matches() && !shard.asText().contains("..")) {
            files.add(folder + shard.asText());
          }
        }
        return new ArrayList<>(files);
      }
    }
    return paths.contains(folder + "model.onnx") ? List.of(folder + "model.onnx") : List.of();
  }
}
