package dev.tartan.collection;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class DocumentTest {
  @Test
  void passageJoinsTitleAndText() {
    assertEquals("A title. Some text", new Document("1", "A title.", "Some text").passage());
  }

  @Test
  void blankTitleLeavesTheText() {
    assertEquals("Some text", new Document("1", " ", " Some text").passage());
  }

  @Test
  void whiteSpaceIsSqueezed() {
    assertEquals("a b c d", new Document("1", "\ta \n", " b\r\n\u00a0 c\u3000d\u2028 ").passage());
  }

  @Test
  void emptyTextIsAllowed() {
    assertEquals("", new Document("1", "", " \n").passage());
    assertEquals("title", new Document("1", "title", "").passage());
  }
}
