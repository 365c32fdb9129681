package dev.tartan.metadata;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a blob of columns holds, at its end.
 *
 * @param documents of the segment, with or without metadata
 */
record Directory(int documents, List<Entry> fields) {
  static final ObjectMapper JSON = JsonMapper.builder().build();

  /** Bytes {@code [offset, offset + length)} of the blob. */
  record Place(long offset, long length) {}

  /**
   * One column.
   *
   * @param having documents that have the field
   * @param distinct its distinct values
   * @param text of strings
   * @param ranks of number and date
   * @param starts and {@code postings}: of all others
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Entry(
      String name,
      FieldType type,
      int having,
      int distinct,
      Place exists,
      Place keys,
      @Nullable Place text,
      @Nullable Place ranks,
      @Nullable Place starts,
      @Nullable Place postings) {}
}
