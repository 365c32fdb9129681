package dev.tartan;

import dev.tartan.collection.Document;
import dev.tartan.collection.Span;
import dev.tartan.collection.Splitting;
import dev.tartan.encode.EncodedPassages;
import dev.tartan.encode.Encoder;
import dev.tartan.encode.Piece;
import dev.tartan.encode.TokenPooling;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Documents as they come, cut into passages, some hundred passages at a time. */
final class DocumentBatches implements Iterator<DocumentBatches.Batch> {
  /** Passages encoded at a time: enough to find some of similar length. */
  private static final int PASSAGES = 512;

  /** The first batch is small and each next one twice as large, so that progress shows soon. */
  private static final int FIRST_PASSAGES = 64;

  private final Iterator<Document> documents;
  private final Encoder encoder;
  private final @Nullable Splitting split;
  private int wanted = FIRST_PASSAGES;

  DocumentBatches(Iterator<Document> documents, Encoder encoder, @Nullable Splitting split) {
    this.documents = documents;
    this.encoder = encoder;
    this.split = split;
  }

  /**
   * Some documents.
   *
   * @param passages of each document, at least one
   */
  record Batch(List<Document> documents, List<List<Piece>> passages) {
    /** The token embeddings of all passages, in {@code arena}. */
    EncodedPassages encode(Encoder encoder, TokenPooling pooling, Arena arena) {
      List<String> texts = new ArrayList<>();
      List<String> languages = new ArrayList<>();
      for (int i = 0; i < documents.size(); i++) {
        passages.get(i).forEach(piece -> texts.add(piece.text()));
        languages.addAll(Collections.nCopies(passages.get(i).size(), documents.get(i).language()));
      }
      return encoder.encodePassages(texts, languages, pooling, arena);
    }
  }

  @Override
  public boolean hasNext() {
    return documents.hasNext();
  }

  @Override
  public Batch next() {
    Batch batch = new Batch(new ArrayList<>(), new ArrayList<>());
    int pending = 0;
    do {
      Document document = documents.next();
      List<Piece> pieces = pieces(document);
      batch.documents.add(document);
      batch.passages.add(pieces);
      pending += pieces.size();
    } while (pending < wanted && documents.hasNext());
    wanted = Math.min(PASSAGES, 2 * wanted);
    return batch;
  }

  private List<Piece> pieces(Document document) {
    return split == null
        ? List.of(new Piece(new Span(0, document.text().length()), document.passage()))
        : encoder.split(document, split);
  }
}
