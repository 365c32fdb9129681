package dev.tartan.checkpoint.hub;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where models come from and where they are kept, by the variables that all tools of the hub
 * understand.
 *
 * @param endpoint address of the hub, without a slash at the end
 * @param cache the folder with a folder for each model
 * @param token what proves who asks; null for nobody in particular
 * @param offline whether nothing may be asked of the hub
 */
public record HubSettings(URI endpoint, Path cache, @Nullable Token token, boolean offline) {
  private static final Set<String> YES = Set.of("1", "on", "yes", "true");

  /**
   * A secret and where it was found. Never printed.
   *
   * @param source for messages: a variable or a file
   */
  public record Token(String secret, String source) {
    @Override
    public String toString() {
      return "the token of " + source;
    }
  }

  /**
   * Reads {@code HF_ENDPOINT}; {@code HF_HUB_CACHE}, {@code HF_HOME}, {@code XDG_CACHE_HOME};
   * {@code HF_TOKEN}, {@code HF_TOKEN_PATH} and the file {@code token} of {@code HF_HOME}; {@code
   * HF_HUB_OFFLINE}.
   *
   * @param environment as {@link System#getenv()}
   * @throws TartanException if a value is no address or path, or the file of the token cannot be
   *     read
   */
  public static HubSettings of(Map<String, String> environment) {
    String user = System.getProperty("user.home");
    String caches = value(environment, "XDG_CACHE_HOME", user + "/.cache");
    Path home = path("HF_HOME", value(environment, "HF_HOME", caches + "/huggingface"));
    String old = value(environment, "HUGGINGFACE_HUB_CACHE", home.resolve("hub").toString());
    return new HubSettings(
        address(value(environment, "HF_ENDPOINT", "https://huggingface.co")),
        path("HF_HUB_CACHE", value(environment, "HF_HUB_CACHE", old)),
        token(environment, home),
        YES.contains(value(environment, "HF_HUB_OFFLINE", "0").toLowerCase(Locale.ROOT)));
  }

  private static String value(Map<String, String> environment, String name, String otherwise) {
    String value = environment.getOrDefault(name, "").strip();
    return value.isEmpty() ? otherwise : value;
  }

  private static URI address(String value) {
    try {
      URI uri = URI.create(value.replaceFirst("/+$", ""));
      String scheme = String.valueOf(uri.getScheme());
      if ((scheme.equals("https") || scheme.equals("http")) && uri.getHost() != null) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      throw new TartanException(
          "HF_ENDPOINT is '%s'; it must be an address such as https://huggingface.co"
              .formatted(value),
          e);
    }
    throw new TartanException(
        "HF_ENDPOINT is '%s'; it must be an address such as https://huggingface.co"
            .formatted(value));
  }

  private static Path path(String name, String value) {
    try {
      String whole =
          value.equals("~") || value.startsWith("~/")
              ? System.getProperty("user.home") + value.substring(1)
              : value;
      return Path.of(whole).toAbsolutePath().normalize();
    } catch (InvalidPathException e) {
      throw new TartanException("%s is '%s'; it is no path".formatted(name, value), e);
    }
  }

  private static @Nullable Token token(Map<String, String> environment, Path home) {
    for (String name : new String[] {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
      String token = value(environment, name, "");
      if (!token.isEmpty()) {
        return checked(new Token(token, name));
      }
    }
    Path file =
        path(
            "HF_TOKEN_PATH", value(environment, "HF_TOKEN_PATH", home.resolve("token").toString()));
    if (!Files.isRegularFile(file)) {
      return null;
    }
    try {
      String token = Files.readString(file).strip();
      return token.isEmpty() ? null : checked(new Token(token, file.toString()));
    } catch (IOException e) {
      throw TartanException.io("cannot read the token of the hub", e);
    }
  }

  private static Token checked(Token token) {
    if (!token.secret().chars().allMatch(c -> c > ' ' && c < 127)) {
      throw new TartanException(token + " is no token: it has blanks or letters that no token has");
    }
    return token;
  }
}
