package dev.tartan.checkpoint.hub;

import dev.tartan.memory.Progress;
import dev.tartan.memory.TartanException;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * Gives the folders of models by their names on the Hugging Face hub. They lie in the cache that
 * other tools of the hub share; what is not there is fetched. Any number of threads and processes
 * may ask for the same model: one fetches, the others wait.
 *
 * <p>Without a revision, or with a commit, a complete copy in the cache is taken as it is and
 * nothing is asked of the hub. A branch or tag ({@code name@main}) is looked up each time.
 */
public final class Hub {
  private final Supplier<HubSettings> settings;
  private final Progress progress;

  /**
   * @param progress told of the files that come, in KiB
   */
  public Hub(HubSettings settings, Progress progress) {
    this(() -> settings, progress);
  }

  private Hub(Supplier<HubSettings> settings, Progress progress) {
    this.settings = settings;
    this.progress = progress;
  }

  /** As the variables of the process say, see {@link HubSettings#of}; read when a model is. */
  public static Hub ofEnvironment(Progress progress) {
    return new Hub(() -> HubSettings.of(System.getenv()), progress);
  }

  /**
   * A model on this machine.
   *
   * @param folder with the files of the checkpoint; read only
   * @param name {@code organisation/name@commit}, by which the same files are found again
   */
  public record Model(Path folder, String name) {}

  /** Whether {@code text} could be a model of the hub: {@code organisation/name[@revision]}. */
  public static boolean isName(String text) {
    return HubName.parse(text) != null;
  }

  /**
   * Finds a model in the cache or fetches it.
   *
   * @param text {@code organisation/name} or {@code organisation/name@revision}
   * @throws TartanException if there is no such model or revision, it may not be read, it is no
   *     checkpoint, the hub cannot be reached, or a file comes damaged or cannot be written
   */
  public Model fetch(String text) {
    HubName name = HubName.parse(text);
    if (name == null) {
      throw new TartanException("'%s' is no name of a model on the hub".formatted(text));
    }
    return new HubModel(settings.get(), name, progress).get();
  }
}
