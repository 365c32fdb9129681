package dev.tartan.metadata;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Makes the columns of a segment of the metadata of its documents, in their order. Holds 12 bytes
 * for each value and the distinct strings until they are written. Confined to one thread.
 */
public final class ColumnsWriter {
  private final MetadataReader reader;
  private final SortedMap<String, ColumnWriter> columns = new TreeMap<>();
  private int documents;

  /** Columns of the fields of {@code schema} and of those that documents add to it. */
  public ColumnsWriter(Schema schema) {
    this.reader = new MetadataReader(schema);
  }

  /** The fields, with those that were added. */
  public Schema schema() {
    return reader.schema();
  }

  /**
   * Adds the next document.
   *
   * @param id what messages call it
   * @param json its metadata, an object; blank for none
   * @throws dev.tartan.memory.TartanException if it does not fit the fields; the document is then
   *     not added
   */
  public void add(String id, String json) {
    SortedMap<String, List<Value>> values = reader.read(id, json);
    values.forEach(
        (field, given) ->
            columns
                .computeIfAbsent(field, name -> new ColumnWriter(name, reader.type(name)))
                .add(documents, given));
    documents++;
  }

  /**
   * Writes the blob, once.
   *
   * @param stream not closed
   */
  public void write(OutputStream stream) {
    BlobOutput out = new BlobOutput(stream);
    List<Directory.Entry> entries = new ArrayList<>();
    while (!columns.isEmpty()) { // what is written is let go
      entries.add(columns.remove(columns.firstKey()).write(out, documents));
    }
    byte[] directory =
        Columns.toJson(new Directory(documents, entries)).getBytes(StandardCharsets.UTF_8);
    out.write(directory);
    out.writeLong(directory.length);
    out.flush();
  }
}
