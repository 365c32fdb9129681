package dev.tartan.interop;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/**
 * The metadata that fast-plaid and next-plaid keep of documents: the table METADATA of an SQLite
 * database, where {@code _subset_} is the number of the document; next-plaid keeps most columns in
 * a second table. Rows are streamed, so documents are asked for in ascending order. Read only.
 */
final class MetadataDatabase implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String NUMBER = "_subset_";
  private static final String CONTENT = "_content_id_";

  private final Path file;
  private final Connection connection;
  private final ResultSet rows;
  private long current = -1;

  /**
   * Opens {@code file}.
   *
   * @throws TartanException if it is no such database, or there is no driver
   */
  MetadataDatabase(Path file) {
    this.file = file;
    this.connection = connect(file);
    try {
      this.rows = select();
    } catch (SQLException | RuntimeException e) {
      closeQuietly();
      throw failure(e);
    }
  }

  private static Connection connect(Path file) {
    // A database without a log of pending changes may be read where nothing can be written.
    String mode = hasLog(file) ? "mode=ro" : "immutable=1";
    String url = "jdbc:sqlite:%s?%s".formatted(file.toUri(), mode);
    try {
      return DriverManager.getConnection(url);
    } catch (SQLException e) {
      if ("08001".equals(e.getSQLState())) { // no driver says that the URL is its
        throw new TartanException(
            "%s needs a driver for SQLite: add org.xerial:sqlite-jdbc to the class path, or take the file away to import without metadata"
                .formatted(file),
            e);
      }
      throw failure(file, e);
    }
  }

  private static boolean hasLog(Path file) {
    try {
      Path log = file.resolveSibling(file.getFileName() + "-wal");
      return Files.exists(log) && Files.size(log) > 0;
    } catch (IOException e) {
      throw TartanException.io("cannot read " + file, e);
    }
  }

  private ResultSet select() throws SQLException {
    boolean split;
    try (ResultSet tables =
        connection.getMetaData().getTables(null, null, "METADATA_CONTENT", null)) {
      split = tables.next();
    }
    Statement statement = connection.createStatement();
    statement.closeOnCompletion();
    return statement.executeQuery(
        "SELECT * FROM METADATA"
            + (split ? " JOIN METADATA_CONTENT USING (" + CONTENT + ")" : "")
            + " ORDER BY "
            + NUMBER);
  }

  /**
   * The metadata of a document as JSON; null if it has none.
   *
   * @param document its number, not below one that was asked for before
   */
  @Nullable String row(int document) {
    try {
      while (current < document && rows.next()) {
        current = rows.getLong(NUMBER);
      }
      return current == document ? json() : null;
    } catch (SQLException | RuntimeException e) {
      throw failure(e);
    }
  }

  private @Nullable String json() throws SQLException {
    ObjectNode object = JSON.createObjectNode();
    ResultSetMetaData columns = rows.getMetaData();
    for (int c = 1; c <= columns.getColumnCount(); c++) {
      String name = columns.getColumnName(c);
      Object value = rows.getObject(c);
      if (value != null && !name.equals(NUMBER) && !name.equals(CONTENT)) {
        object.set(name, value(value, columns.getColumnTypeName(c)));
      }
    }
    return object.isEmpty() ? null : object.toString();
  }

  /** Lists and objects are JSON text in a column of type BLOB. */
  private static JsonNode value(Object value, String type) {
    if (value instanceof String text && type.equalsIgnoreCase("BLOB")) {
      try {
        JsonNode tree = JSON.readTree(text);
        return tree.isContainerNode() ? tree : JSON.getNodeFactory().textNode(text);
      } catch (JsonProcessingException e) {
        return JSON.getNodeFactory().textNode(text);
      }
    }
    return JSON.valueToTree(value);
  }

  private TartanException failure(Exception e) {
    return e instanceof TartanException ours ? ours : failure(file, e);
  }

  private static TartanException failure(Path file, Exception e) {
    return new TartanException(
        "%s is not read as a database of metadata: %s; copy it again, or take it away to import without metadata"
            .formatted(file, String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ")),
        e);
  }

  @Override
  public void close() {
    closeQuietly();
  }

  private void closeQuietly() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw failure(e);
    }
  }
}
