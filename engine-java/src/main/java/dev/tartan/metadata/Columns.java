package dev.tartan.metadata;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;
import org.roaringbitmap.RoaringBitmap;

/**
 * The columns of a segment, read where they lie. Immutable and safe for any number of threads;
 * valid while the memory is.
 */
public final class Columns {
  private final String name;
  private final MemorySegment.Scope memory;
  private final int documents;
  private final Map<String, Column> columns = new TreeMap<>();

  private Columns(int documents) {
    this.name = "nothing";
    this.memory = MemorySegment.NULL.scope();
    this.documents = documents;
  }

  private Columns(String name, MemorySegment blob) throws IOException {
    this.name = name;
    this.memory = blob.scope();
    long end = blob.byteSize() - Long.BYTES;
    long length = blob.get(Layouts.I64, end);
    byte[] json = blob.asSlice(end - length, length).toArray(Layouts.U8);
    Directory directory = Directory.JSON.readValue(json, Directory.class);
    this.documents = directory.documents();
    for (Directory.Entry entry : directory.fields()) {
      columns.put(entry.name(), new Column(entry, blob, documents));
    }
  }

  /**
   * Opens a blob that {@link ColumnsWriter} wrote.
   *
   * @param name what messages call it: its file
   * @throws TartanException if it is damaged; some damage shows only when a filter meets it
   */
  public static Columns open(MemorySegment blob, String name) {
    try {
      return new Columns(name, blob);
    } catch (IOException | RuntimeException e) {
      throw damaged(name, e);
    }
  }

  /** Without any field. */
  public static Columns none(int documents) {
    return new Columns(documents);
  }

  /** Documents of the segment, with or without metadata. */
  public int documents() {
    return documents;
  }

  /** The fields that any document has. Documents that gave these columns do so again by them. */
  public Schema schema() {
    TreeMap<String, Schema.Field> fields = new TreeMap<>();
    columns.forEach(
        (field, column) -> fields.put(field, new Schema.Field(column.entry().type(), true)));
    return new Schema(fields);
  }

  /**
   * What is known of a field.
   *
   * @param documents that have it
   * @param values distinct ones
   */
  public record FieldCount(FieldType type, long documents, long values) {}

  /** The fields that any document has, by name. */
  public Map<String, FieldCount> fields() {
    Map<String, FieldCount> counts = new TreeMap<>();
    columns.forEach(
        (field, column) ->
            counts.put(
                field,
                new FieldCount(
                    column.entry().type(), column.entry().having(), column.entry().distinct())));
    return counts;
  }

  /**
   * The documents of which a filter is true. A field that none of them has is one that all lack:
   * whether there is such a field at all is for {@link Schema#check} to say.
   *
   * @param document the number of the document with an external id; negative for none
   * @return documents of the segment, the deleted ones included; the caller's own
   * @throws TartanException if a value is of another type than its field, or the columns are
   *     damaged
   */
  public RoaringBitmap matching(Filter filter, ToIntFunction<String> document) {
    RoaringBitmap found;
    try {
      found = evaluate(filter, false, document);
    } catch (TartanException e) {
      throw e; // the filter is at fault
    } catch (RuntimeException e) {
      if (!memory.isAlive()) {
        throw e;
      }
      throw damaged(name, e);
    }
    if (!found.isEmpty() && Integer.compareUnsigned(found.last(), documents) >= 0) {
      throw damaged(name, null);
    }
    return found;
  }

  /**
   * Where the filter is true, or where it is false, which is not all the rest: of a document
   * without the field nothing is either. Kleene's logic keeps De Morgan's laws, so that only
   * conditions on fields are ever turned.
   */
  private RoaringBitmap evaluate(Filter filter, boolean negated, ToIntFunction<String> document) {
    return switch (filter) {
      case Filter.Not not -> evaluate(not.filter(), !negated, document);
      case Filter.And and -> joined(and.filters(), !negated, negated, document);
      case Filter.Or or -> joined(or.filters(), negated, negated, document);
      case Filter.Exists exists ->
          negated ? allBut(exists(exists.field())) : exists(exists.field());
      case Filter.Ids ids -> negated ? allBut(documents(ids, document)) : documents(ids, document);
      case Filter.Comparison c ->
          ofField(c.field(), compare(c), negated != (c.operator() == Filter.Operator.NE));
      case Filter.In in -> ofField(in.field(), in(in), negated);
      case Filter.Like like -> ofField(like.field(), like(like), negated);
    };
  }

  private RoaringBitmap joined(
      List<Filter> filters, boolean and, boolean negated, ToIntFunction<String> document) {
    RoaringBitmap all = evaluate(filters.getFirst(), negated, document);
    for (Filter filter : filters.subList(1, filters.size())) {
      RoaringBitmap one = evaluate(filter, negated, document);
      if (and) {
        all.and(one);
      } else {
        all.or(one);
      }
    }
    return all;
  }

  /** What was found, or the others that have the field. */
  private RoaringBitmap ofField(String field, RoaringBitmap found, boolean negated) {
    return negated ? RoaringBitmap.andNot(exists(field), found) : found;
  }

  private RoaringBitmap allBut(RoaringBitmap found) {
    return RoaringBitmap.andNot(RoaringBitmap.bitmapOfRange(0, documents), found);
  }

  private RoaringBitmap exists(String field) {
    Column column = columns.get(field);
    return column == null ? new RoaringBitmap() : column.exists();
  }

  private static RoaringBitmap documents(Filter.Ids ids, ToIntFunction<String> document) {
    RoaringBitmap found = new RoaringBitmap();
    for (String id : ids.ids()) {
      int number = document.applyAsInt(id);
      if (number >= 0) {
        found.add(number);
      }
    }
    return found;
  }

  private RoaringBitmap compare(Filter.Comparison comparison) {
    Column column = columns.get(comparison.field());
    if (column == null) {
      return new RoaringBitmap();
    }
    Schema.require(comparison.field(), column.entry().type(), comparison.value());
    Filter.Operator operator = comparison.operator();
    return column.compare(
        operator == Filter.Operator.NE ? Filter.Operator.EQ : operator, comparison.value());
  }

  private RoaringBitmap in(Filter.In in) {
    RoaringBitmap found = new RoaringBitmap();
    for (Value value : in.values()) {
      found.or(compare(new Filter.Comparison(in.field(), Filter.Operator.EQ, value)));
    }
    return found;
  }

  private RoaringBitmap like(Filter.Like like) {
    Column column = columns.get(like.field());
    if (column == null) {
      return new RoaringBitmap();
    }
    Schema.requireText(like.field(), column.entry().type());
    return column.like(LikePattern.of(like.pattern()));
  }

  static String toJson(Directory directory) {
    try {
      return Directory.JSON.writeValueAsString(directory);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // records of numbers and strings
    }
  }

  private static TartanException damaged(String name, @Nullable Exception why) {
    String message = name + " is damaged: its columns contradict themselves; make the index anew";
    return why == null ? new TartanException(message) : new TartanException(message, why);
  }
}
