package dev.tartan.encode;

import dev.tartan.checkpoint.MemoryWeights;
import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.encode.model.DenseLayer;
import dev.tartan.encode.model.ModelConfig;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a late-interaction model is made of, for who wants to change it: weights that may be
 * written, and the folder that they came from.
 *
 * @param name of the model, for messages
 * @param architecture of the backbone
 * @param config how texts become rows
 * @param tokenizer of the backbone; closed with the parts
 * @param weights the backbone's
 * @param head the dense layers on it; their weights may be written too
 * @param stored the weight files, by path within the folder
 * @param files what lies beside them, by path within the folder
 */
public record ModelParts(
    String name,
    ModelConfig architecture,
    ColbertConfig config,
    Tokenizer tokenizer,
    MemoryWeights weights,
    List<DenseLayer> head,
    Map<String, MemoryWeights> stored,
    Map<String, byte[]> files)
    implements AutoCloseable {

  /**
   * The number of a language among those of the model.
   *
   * @param names as the model tells them
   * @param wanted by the user; null for that of the checkpoint
   * @throws TartanException if there is no such language, or the model needs one and none is known
   */
  public int language(List<String> names, @Nullable String wanted) {
    Languages languages = new Languages(name, names);
    String chosen = languages.choose(wanted, architecture.defaultLanguage());
    if (Languages.AUTO.equals(chosen)) {
      throw new TartanException(name + ": training is in one language, so name it");
    }
    return chosen == null ? 0 : languages.index(chosen);
  }

  /**
   * Writes the model with the weights as they are now, in the layout that it came in ({@code
   * tartan-mini} in that of Stanford's ColBERT), weights as safetensors. What was there is replaced
   * file by file, weights last, so that one model or the other stands there at any time.
   *
   * @throws TartanException if it cannot be written
   */
  public void write(Path folder) {
    try {
      Files.createDirectories(folder);
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Path target = folder.resolve(file.getKey());
        Files.createDirectories(target.getParent());
        Path part = target.resolveSibling(target.getFileName() + ".part");
        Files.write(part, file.getValue());
        replace(part, target);
      }
      for (Map.Entry<String, MemoryWeights> file : stored.entrySet()) {
        Path target = folder.resolve(file.getKey());
        Files.createDirectories(target.getParent());
        Path part = target.resolveSibling(target.getFileName() + ".part");
        SafetensorsFile.write(part, file.getValue().tensors());
        replace(part, target);
      }
    } catch (IOException e) {
      throw TartanException.io("cannot write the model to " + folder, e);
    }
  }

  private static void replace(Path part, Path target) throws IOException {
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Closes the tokenizer; the weights' memory belongs to the arena they were opened in. */
  @Override
  public void close() {
    tokenizer.close();
  }
}
