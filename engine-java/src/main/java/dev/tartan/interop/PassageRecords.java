package dev.tartan.interop;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What stands beside a foreign index about its passages: ids, texts, metadata. Texts and metadata
 * are streamed, so passages are asked for in ascending order; ids are held.
 */
final class PassageRecords implements AutoCloseable {
  private static final String RAGATOUILLE_IDS = "pid_docid_map.json";
  private static final String RAGATOUILLE_TEXTS = "collection.json";
  private static final String RAGATOUILLE_METADATA = "docid_metadata_map.json";

  private static final String GIVE_IDS = "give ids with --ids FILE, one a line";

  private final Numbering numbering;
  private @Nullable List<String> ids;
  private boolean idsOfLiving;
  private @Nullable TextList texts;
  private boolean textsOfLiving;
  private @Nullable JsonNode metadataById;
  private @Nullable MetadataDatabase database;
  private @Nullable Path metadataFile;

  /**
   * What one passage is.
   *
   * @param id of its document
   * @param text what it says; null if that is not kept
   * @param metadata of its document, a JSON object as text; null if there is none
   */
  record PassageRecord(String id, @Nullable String text, @Nullable String metadata) {}

  /**
   * Opens what there is.
   *
   * @param given a file of ids that replace the index's own, one a line; null for none
   * @throws TartanException if a file is damaged or does not fit the passages
   */
  PassageRecords(ForeignIndex index, @Nullable Path given, Numbering numbering) {
    this.numbering = numbering;
    ForeignFiles files = new ForeignFiles(index.directory());
    try {
      openIds(index, files, given);
      Path collection = files.optional(RAGATOUILLE_TEXTS);
      if (collection != null) {
        texts = new TextList(collection);
        textsOfLiving =
            numbering.livingOnly(
                collection, "texts", texts.size(), "take it away to import without texts");
      }
      openMetadata(files, given == null);
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  private void openIds(ForeignIndex index, ForeignFiles files, @Nullable Path given) {
    Path map = files.optional(RAGATOUILLE_IDS);
    Path pickle = PylateIds.file(index.directory());
    if (given != null) {
      useIds(given, lines(given), "give one a line for each passage");
    } else if (map != null) {
      useIds(map, byPassage(map, files.json(RAGATOUILLE_IDS)), GIVE_IDS);
    } else if (pickle != null) {
      useIds(pickle, PylateIds.read(pickle), GIVE_IDS);
    }
  }

  private void openMetadata(ForeignFiles files, boolean ownIds) {
    Path byId = files.optional(RAGATOUILLE_METADATA);
    Path rows = files.optional("metadata.db");
    if (byId != null && ownIds) {
      metadataById = files.json(RAGATOUILLE_METADATA);
      metadataFile = byId;
    } else if (rows != null) {
      database = new MetadataDatabase(rows);
      metadataFile = rows;
    }
  }

  private void useIds(Path file, List<String> values, String remedy) {
    ids = values;
    idsOfLiving = numbering.livingOnly(file, "ids", values.size(), remedy);
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new TartanException("cannot read " + file + ": it is not UTF-8", e);
    } catch (IOException e) {
      throw TartanException.io("cannot read " + file, e);
    }
  }

  private static List<String> byPassage(Path file, JsonNode map) {
    TreeMap<Integer, String> ordered = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      try {
        ordered.put(Integer.valueOf(entry.getKey()), entry.getValue().asText());
      } catch (NumberFormatException e) {
        throw ForeignFiles.bad(file, "has the key '%s', no passage".formatted(entry.getKey()));
      }
    }
    return List.copyOf(ordered.values());
  }

  /** Whether passages have texts. */
  boolean hasTexts() {
    return texts != null;
  }

  /** Where metadata are from; null if there are none. */
  @Nullable Path metadataFile() {
    return metadataFile;
  }

  /** Whether ids were made of the passages' numbers, and so are different. */
  boolean numbered() {
    return ids == null;
  }

  /**
   * The record of a passage that has tokens.
   *
   * @param passage its number among all
   * @param living its number among those that have tokens
   */
  PassageRecord record(int passage, int living) {
    String id = ids == null ? Integer.toString(passage) : ids.get(idsOfLiving ? living : passage);
    String text = texts == null ? null : texts.get(textsOfLiving ? living : passage);
    return new PassageRecord(id, text, metadata(id, passage));
  }

  private @Nullable String metadata(String id, int passage) {
    if (metadataById != null) {
      JsonNode value = metadataById.path(id);
      return value.isObject() ? value.toString() : null;
    }
    return database == null ? null : database.row(passage);
  }

  @Override
  public void close() {
    try (TextList _ = texts;
        MetadataDatabase _ = database) {
      texts = null;
      database = null;
    }
  }
}
