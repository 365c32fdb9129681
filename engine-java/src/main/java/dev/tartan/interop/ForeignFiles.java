package dev.tartan.interop;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The files of a foreign index: what is missing or is not as it must be is told by name. */
final class ForeignFiles {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonFactory FACTORY = new JsonFactory();

  private final Path directory;

  ForeignFiles(Path directory) {
    this.directory = directory;
  }

  /**
   * The path of a file that must be there.
   *
   * @throws TartanException if it is not
   */
  Path required(String name) {
    Path path = directory.resolve(name);
    if (!Files.isRegularFile(path)) {
      throw new TartanException(
          path + " is missing: the index is not whole; copy all files of its folder again");
    }
    return path;
  }

  /** The path of a file that may be there; null if it is not. */
  @Nullable Path optional(String name) {
    Path path = directory.resolve(name);
    return Files.isRegularFile(path) ? path : null;
  }

  /**
   * A JSON object.
   *
   * @throws TartanException if the file is missing or holds none
   */
  JsonNode json(String name) {
    Path path = required(name);
    try {
      JsonNode tree = JSON.readTree(path.toFile());
      if (tree == null || !tree.isObject()) {
        throw bad(path, "holds no JSON object");
      }
      return tree;
    } catch (JsonProcessingException e) {
      throw bad(path, "is no JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
  }

  /**
   * A number of a JSON file that must be there and at least {@code least}.
   *
   * @param in the object that has the field
   */
  int count(String name, JsonNode in, String field, int least) {
    JsonNode value = in.path(field);
    if (!value.isInt() || value.intValue() < least) {
      throw bad(
          directory.resolve(name),
          "%s is %s; a number of at least %d is needed"
              .formatted(field, value.isMissingNode() ? "missing" : value.toString(), least));
    }
    return value.intValue();
  }

  /**
   * The bits of a residual's dimension.
   *
   * @throws TartanException if no engine writes so many
   */
  int nbits(String name, JsonNode in) {
    int nbits = count(name, in, "nbits", 1);
    if (nbits > 8 || 8 % nbits != 0) {
      throw bad(
          directory.resolve(name),
          "nbits is %d; indexes of 1, 2, 4 and 8 are read".formatted(nbits));
    }
    return nbits;
  }

  /** The tokens of each passage of a chunk: {@code doclens.I.json}, a list of numbers. */
  int[] doclens(int chunk) {
    Path path = required("doclens." + chunk + ".json");
    int[] doclens = new int[1 << 10];
    int n = 0;
    try (JsonParser parser = FACTORY.createParser(path.toFile())) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw bad(path, "holds no list of numbers");
      }
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT || parser.getLongValue() < 0) {
          throw bad(path, "entry %d is no number of tokens".formatted(n));
        }
        doclens = n == doclens.length ? Arrays.copyOf(doclens, 2 * n) : doclens;
        doclens[n++] = parser.getIntValue();
      }
      if (parser.nextToken() != null) {
        throw bad(path, "goes on after its list");
      }
    } catch (JsonProcessingException e) {
      throw bad(path, "is no JSON list of numbers: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw TartanException.io("cannot read " + path, e);
    }
    return Arrays.copyOf(doclens, n);
  }

  /** What is wrong with a file, and what to do. */
  static TartanException bad(Path path, String what) {
    return new TartanException(
        "%s %s; the index is damaged, or was copied while it was written: copy it again"
            .formatted(path, what));
  }
}
