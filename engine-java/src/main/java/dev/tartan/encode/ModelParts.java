package dev.tartan.encode;

import dev.tartan.checkpoint.MemoryWeights;
import dev.tartan.checkpoint.SafetensorsFile;
import dev.tartan.encode.model.ModelConfig;
import dev.tartan.encode.text.ColbertConfig;
import dev.tartan.encode.text.Tokenizer;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/**
 * What a late-interaction model is made of, for who wants to change it, and the same as a folder in
 * the layout of Stanford's ColBERT.
 *
 * @param name of the model, for messages
 * @param architecture of the backbone
 * @param config how texts become rows
 * @param tokenizer of the backbone; closed with the parts
 * @param weights the backbone's and {@code linear.weight} [dim, hidden], to be changed at will
 * @param files what lies beside the weights in the folder, by name
 */
public record ModelParts(
    String name,
    ModelConfig architecture,
    ColbertConfig config,
    Tokenizer tokenizer,
    MemoryWeights weights,
    Map<String, byte[]> files)
    implements AutoCloseable {
  private static final String WEIGHTS = "model.safetensors";

  /**
   * Writes the folder with the weights as they are now. What was there is replaced file by file,
   * weights last, so that a model stands there at any time but while its kind changes.
   *
   * @throws TartanException if it cannot be written
   */
  public void write(Path folder) {
    try {
      Files.createDirectories(folder);
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Path part = folder.resolve(file.getKey() + ".part");
        Files.write(part, file.getValue());
        move(part, folder.resolve(file.getKey()));
      }
      Path part = folder.resolve(WEIGHTS + ".part");
      SafetensorsFile.write(part, weights.tensors());
      move(part, folder.resolve(WEIGHTS));
    } catch (IOException e) {
      throw TartanException.io("cannot write the model to " + folder, e);
    }
  }

  private static void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Closes the tokenizer; the weights' memory belongs to the arena they were opened in. */
  @Override
  public void close() {
    tokenizer.close();
  }
}
