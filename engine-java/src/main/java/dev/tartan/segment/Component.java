package dev.tartan.segment;

import dev.tartan.memory.TartanException;

/**
 * What an array file holds; the extension of its name and a number in its header. Numbers are never
 * used twice.
 */
public enum Component {
  /** F32 rows of dim: the tables of a codec, shared by segments. */
  CODEC(1, "codec"),
  /** U16 or I32 [tokens]: the centroid of each token. */
  CODES(2, "codes"),
  /** U8 [tokens, dim * nbits / 8]: packed residuals. */
  RESIDUALS(3, "residuals"),
  /** U16 as float16 [tokens]: the factor that goes with each packed residual. */
  FACTORS(4, "factors"),
  /** F16 [tokens, dim]: uncompressed embeddings, in place of residuals. */
  EMBEDDINGS(5, "embeddings"),
  /** I32 [passages]: tokens of each passage. */
  DOCLENS(6, "doclens"),
  /** I32 [K]: lengths of the inverted lists. */
  LIST_LENGTHS(7, "listlengths"),
  /** I32: the passages of all inverted lists, one list after the other, each ascending. */
  LISTS(8, "lists"),
  /** I32 [passages]: the document of each passage, ascending. */
  DOCUMENTS(9, "documents"),
  /** I64 [documents + 1]: where each external id starts in IDS. */
  ID_OFFSETS(10, "idoffsets"),
  /** U8: external ids, UTF-8. */
  IDS(11, "ids"),
  /** I64 [passages + 1]: where each passage's text starts in TEXT. */
  TEXT_OFFSETS(12, "textoffsets"),
  /** U8: texts of the passages, UTF-8. */
  TEXT(13, "text"),
  /** I32 [passages, 2]: what of its document's text each passage is: from and to. */
  SPANS(14, "spans"),
  /** I64 [ceil(documents / 64)]: bit d % 64 of word d / 64 is set while document d lives. */
  LIVE(15, "live"),
  /** I32 [documents]: the documents by ascending CRC-32C of their ids, then by number. */
  ID_ORDER(16, "idorder"),
  /** I64 [documents + 1]: where each document's metadata start in METADATA. */
  METADATA_OFFSETS(20, "metadataoffsets"),
  /** U8: the metadata of the documents, JSON in UTF-8. */
  METADATA(21, "metadata"),
  /** U8: the columns of {@link dev.tartan.metadata} over them. */
  FIELDS(22, "fields");

  private final int code;
  private final String extension;

  Component(int code, String extension) {
    this.code = code;
    this.extension = extension;
  }

  public int code() {
    return code;
  }

  public String extension() {
    return extension;
  }

  static Component of(int code) {
    for (Component component : values()) {
      if (component.code == code) {
        return component;
      }
    }
    throw new TartanException("unknown component " + code);
  }
}
