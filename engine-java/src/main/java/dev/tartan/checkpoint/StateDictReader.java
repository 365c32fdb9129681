package dev.tartan.checkpoint;

import dev.tartan.memory.Layouts;
import dev.tartan.memory.TartanException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the pickle inside a PyTorch file without running it. A pickle is a program for a stack
 * machine that may call anything; this machine knows dictionaries, lists, tuples, strings, numbers
 * and the three functions that make tensors, and refuses every other name and instruction.
 */
final class StateDictReader {
  /** A name that the pickle refers to, such as {@code torch.FloatStorage}. */
  private record Global(String name) {}

  /** What stands for None. */
  private enum None {
    NONE
  }

  /** Finds the bytes of a storage by its key. */
  interface Storages {
    MemorySegment bytes(String key);
  }

  private record Storage(ElementType type, String key) {}

  private final String source;
  private final MemorySegment pickle;
  private final Storages storages;
  private final Map<Integer, Object> memo = new HashMap<>();
  private final Deque<List<Object>> marks = new ArrayDeque<>();
  private List<Object> stack = new ArrayList<>();
  private long position;

  StateDictReader(String source, MemorySegment pickle, Storages storages) {
    this.source = source;
    this.pickle = pickle;
    this.storages = storages;
  }

  /**
   * The value: a {@link Map}, a {@link List}, a {@link StoredTensor}, a number or a string.
   *
   * @throws TartanException if the pickle is damaged or asks for anything but tensors
   */
  Object read() {
    try {
      while (true) {
        int instruction = u8();
        if (instruction == '.') {
          return pop();
        }
        execute(instruction);
      }
    } catch (IndexOutOfBoundsException | ClassCastException e) {
      throw damaged(e);
    }
  }

  private void execute(int instruction) {
    switch (instruction) {
      case 0x80 -> u8(); // protocol
      case 0x95 -> position += 8; // frame
      case '(' -> {
        marks.push(stack);
        stack = new ArrayList<>();
      }
      case '}' -> push(new LinkedHashMap<Object, Object>());
      case ']', ')' -> push(new ArrayList<>());
      case 't', 'l' -> push(popToMark());
      case 0x85 -> pushTuple(1);
      case 0x86 -> pushTuple(2);
      case 0x87 -> pushTuple(3);
      case 'a' -> {
        Object value = pop();
        list(peek()).add(value);
      }
      case 'e' -> {
        List<Object> values = popToMark();
        list(peek()).addAll(values);
      }
      case 's' -> setItems(pop(2));
      case 'u' -> setItems(popToMark());
      case '0' -> pop();
      case 'c' -> push(new Global(line() + "." + line()));
      case 0x93 -> {
        List<Object> names = pop(2);
        push(new Global(names.get(0) + "." + names.get(1)));
      }
      case 'Q' -> push(storage(list(pop())));
      case 'R' -> call();
      case 'b' -> pop(); // attributes of a state dict (module versions): not weights
      default -> executeMemo(instruction);
    }
  }

  private void executeMemo(int instruction) {
    switch (instruction) {
      case 'q' -> memo.put(u8(), peek());
      case 'r' -> memo.put(i32(), peek());
      case 0x94 -> memo.put(memo.size(), peek());
      case 'h' -> push(recall(u8()));
      case 'j' -> push(recall(i32()));
      default -> pushConstant(instruction);
    }
  }

  private void pushConstant(int instruction) {
    switch (instruction) {
      case 'N' -> push(None.NONE);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'K' -> push((long) u8());
      case 'M' -> push((long) (u8() | (u8() << 8)));
      case 'J' -> push((long) i32());
      case 0x8a -> push(longInteger(u8()));
      case 'G' -> {
        // Big-endian, the only such number in a pickle.
        push(Double.longBitsToDouble(Long.reverseBytes(pickle.get(Layouts.I64, position))));
        position += 8;
      }
      case 'X' -> push(text(Integer.toUnsignedLong(i32())));
      case 0x8c -> push(text(u8()));
      default ->
          throw new TartanException(
              "%s holds more than tensors (pickle instruction 0x%02x); it is not read, since"
                      .formatted(source, instruction)
                  + " that may run code: save the plain state dict, or use safetensors");
    }
  }

  /** Calls one of the functions that a state dict needs. */
  private void call() {
    List<Object> arguments = list(pop());
    Global function = (Global) pop();
    switch (function.name()) {
      case "collections.OrderedDict" -> push(new LinkedHashMap<Object, Object>());
      case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor" ->
          push(tensor(arguments));
      case "torch._utils._rebuild_parameter" -> push(arguments.get(0));
      default -> throw refused(function.name());
    }
  }

  /** (storage, offset, shape, strides, ...) in elements. */
  private StoredTensor tensor(List<Object> arguments) {
    Storage storage = (Storage) arguments.get(0);
    long offset = (Long) arguments.get(1);
    MemorySegment bytes = storages.bytes(storage.key());
    try {
      return new StoredTensor(
          storage.type(),
          longs(arguments.get(2)),
          longs(arguments.get(3)),
          bytes.asSlice(Math.multiplyExact(offset, (long) storage.type().bytes())));
    } catch (ArithmeticException | IndexOutOfBoundsException | TartanException e) {
      throw new TartanException(
          "%s is damaged: a tensor lies outside its storage '%s'".formatted(source, storage.key()),
          e);
    }
  }

  /** ("storage", type, key, device, elements): the device is where it was saved, not read here. */
  private Storage storage(List<Object> identity) {
    String type = ((Global) identity.get(1)).name();
    ElementType element =
        switch (type) {
          case "torch.DoubleStorage" -> ElementType.F64;
          case "torch.FloatStorage" -> ElementType.F32;
          case "torch.HalfStorage" -> ElementType.F16;
          case "torch.BFloat16Storage" -> ElementType.BF16;
          case "torch.LongStorage" -> ElementType.I64;
          case "torch.IntStorage" -> ElementType.I32;
          case "torch.ShortStorage" -> ElementType.I16;
          case "torch.CharStorage" -> ElementType.I8;
          case "torch.ByteStorage" -> ElementType.U8;
          case "torch.BoolStorage" -> ElementType.BOOL;
          default -> throw refused(type);
        };
    return new Storage(element, (String) identity.get(2));
  }

  private TartanException refused(String name) {
    return new TartanException(
        "%s holds more than tensors: it asks for %s, which is not run; save the plain state dict, or use safetensors"
            .formatted(source, name));
  }

  private TartanException damaged(RuntimeException cause) {
    return new TartanException(
        "%s is damaged: its pickle breaks off or makes no sense at byte %d"
            .formatted(source, position),
        cause);
  }

  private void setItems(List<Object> items) {
    @SuppressWarnings("unchecked") // every map on the stack is made above
    Map<Object, Object> map = (Map<Object, Object>) peek();
    for (int i = 0; i < items.size(); i += 2) {
      // Only keys that hash on their own: a list that contains itself must not become one.
      Object key = items.get(i);
      map.put(key instanceof Long ? key : (String) key, items.get(i + 1));
    }
  }

  @SuppressWarnings("unchecked") // every list on the stack is made above
  private static List<Object> list(Object value) {
    return (List<Object>) value;
  }

  private static long[] longs(Object value) {
    return list(value).stream().mapToLong(extent -> (Long) extent).toArray();
  }

  private void push(Object value) {
    stack.add(value);
  }

  private Object pop() {
    return stack.remove(stack.size() - 1);
  }

  private Object peek() {
    return stack.get(stack.size() - 1);
  }

  private List<Object> pop(int count) {
    List<Object> tail = stack.subList(stack.size() - count, stack.size());
    List<Object> values = new ArrayList<>(tail);
    tail.clear();
    return values;
  }

  private void pushTuple(int count) {
    push(pop(count));
  }

  private List<Object> popToMark() {
    List<Object> values = stack;
    if (marks.isEmpty()) {
      throw new IndexOutOfBoundsException("no mark");
    }
    stack = marks.pop();
    return values;
  }

  private Object recall(int key) {
    Object value = memo.get(key);
    if (value == null) {
      throw new IndexOutOfBoundsException("no memo " + key);
    }
    return value;
  }

  private int u8() {
    return Byte.toUnsignedInt(pickle.get(Layouts.U8, position++));
  }

  private int i32() {
    int value = pickle.get(Layouts.I32, position);
    position += 4;
    return value;
  }

  private long longInteger(int bytes) {
    if (bytes > 8) {
      throw new IndexOutOfBoundsException("integer of " + bytes + " bytes");
    }
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) u8() << (8 * i);
    }
    int unused = 64 - 8 * bytes;
    return bytes == 0 || unused <= 0 ? value : (value << unused) >> unused;
  }

  private String text(long length) {
    byte[] bytes = pickle.asSlice(position, length).toArray(ValueLayout.JAVA_BYTE);
    position += length;
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private String line() {
    long start = position;
    while (u8() != '\n') {}
    byte[] bytes = pickle.asSlice(start, position - 1 - start).toArray(ValueLayout.JAVA_BYTE);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
