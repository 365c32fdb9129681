package dev.tartan.checkpoint;

import dev.tartan.memory.MappedFile;
import dev.tartan.memory.TartanException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The weights inside an ONNX graph, under the names that the checkpoint had before its export.
 *
 * <p>Exporters keep the names of biases, norms and embeddings, but fold every linear layer into a
 * MatMul with an anonymous, transposed constant. Its name comes back from the node that consumes
 * it: the constant of node {@code /encoder/layer.0/attention/self/query/MatMul} is {@code
 * encoder.layer.0.attention.self.query.weight}, seen here as [out, in] like in a checkpoint.
 */
public final class OnnxFile implements Weights {
  // Field numbers of ModelProto, GraphProto, NodeProto and TensorProto in the ONNX schema.
  private static final int MODEL_GRAPH = 7;
  private static final int GRAPH_NODE = 1;
  private static final int GRAPH_INITIALIZER = 5;
  private static final int NODE_INPUT = 1;
  private static final int NODE_NAME = 3;
  private static final int NODE_OP_TYPE = 4;
  private static final int TENSOR_DIMS = 1;
  private static final int TENSOR_DATA_TYPE = 2;
  private static final int TENSOR_FLOAT_DATA = 4;
  private static final int TENSOR_NAME = 8;
  private static final int TENSOR_RAW_DATA = 9;
  private static final int TENSOR_DATA_LOCATION = 14;

  private static final String MATMUL = "/MatMul";

  private final String source;
  private final Map<String, StoredTensor> tensors = new LinkedHashMap<>();
  private final List<Node> products = new ArrayList<>();

  private OnnxFile(String source) {
    this.source = source;
  }

  private record Node(String name, List<String> inputs) {}

  /**
   * Maps {@code path} into {@code arena}.
   *
   * @throws TartanException if it cannot be read, is damaged, or keeps its weights in other files
   */
  public static OnnxFile open(Path path, Arena arena) {
    return of(path.toString(), MappedFile.map(path, arena));
  }

  /**
   * Reads a file that lies in memory.
   *
   * @param source what to call it in messages
   */
  public static OnnxFile of(String source, MemorySegment file) {
    OnnxFile onnx = new OnnxFile(source);
    try {
      onnx.readModel(file);
    } catch (IndexOutOfBoundsException | ArithmeticException e) {
      throw new TartanException(source + " is no ONNX file, or is truncated", e);
    }
    if (onnx.tensors.isEmpty()) {
      throw new TartanException(source + " holds no weights (no ONNX initializer)");
    }
    onnx.nameLinearWeights();
    return onnx;
  }

  @Override
  public String source() {
    return source;
  }

  @Override
  public Map<String, StoredTensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Always a copy: raw data in ONNX is unaligned, and a copy lets the caller drop the file.
   */
  @Override
  public MemorySegment floats(String name, Arena arena) {
    return tensor(name).copyFloats(arena);
  }

  private void readModel(MemorySegment file) {
    ProtobufReader model = new ProtobufReader(file);
    while (model.next()) {
      if (model.field() == MODEL_GRAPH) {
        ProtobufReader graph = model.message();
        while (graph.next()) {
          switch (graph.field()) {
            case GRAPH_NODE -> readNode(graph.message());
            case GRAPH_INITIALIZER -> readInitializer(graph.message());
            default -> graph.skip();
          }
        }
      } else {
        model.skip();
      }
    }
  }

  private void readNode(ProtobufReader node) {
    String name = "";
    String type = "";
    List<String> inputs = new ArrayList<>();
    while (node.next()) {
      switch (node.field()) {
        case NODE_INPUT -> inputs.add(node.string());
        case NODE_NAME -> name = node.string();
        case NODE_OP_TYPE -> type = node.string();
        default -> node.skip();
      }
    }
    if (type.equals("MatMul") && name.endsWith(MATMUL) && inputs.size() == 2) {
      products.add(new Node(name, inputs));
    }
  }

  private void readInitializer(ProtobufReader tensor) {
    String name = "";
    long type = 0;
    long[] shape = {};
    MemorySegment data = MemorySegment.NULL;
    while (tensor.next()) {
      switch (tensor.field()) {
        case TENSOR_DIMS -> shape = append(shape, tensor.varints());
        case TENSOR_DATA_TYPE -> type = tensor.varint();
        case TENSOR_NAME -> name = tensor.string();
        case TENSOR_RAW_DATA, TENSOR_FLOAT_DATA -> data = tensor.bytes();
        case TENSOR_DATA_LOCATION -> {
          if (tensor.varint() != 0) {
            throw new TartanException(
                source + " keeps its weights in other files; export it as one");
          }
        }
        default -> tensor.skip();
      }
    }
    ElementType element = elementType((int) type);
    // Integer constants of the graph may lie in fields that are not read here; no weight does.
    if (element != null && data.byteSize() > 0) {
      try {
        tensors.put(name, StoredTensor.of(element, shape, data));
      } catch (TartanException e) {
        throw new TartanException(
            "%s is damaged: tensor '%s': %s".formatted(source, name, e.getMessage()), e);
      }
    }
  }

  private static long[] append(long[] values, long[] more) {
    long[] all = Arrays.copyOf(values, values.length + more.length);
    System.arraycopy(more, 0, all, values.length, more.length);
    return all;
  }

  private static @Nullable ElementType elementType(int onnx) {
    return switch (onnx) {
      case 1 -> ElementType.F32;
      case 2 -> ElementType.U8;
      case 3 -> ElementType.I8;
      case 5 -> ElementType.I16;
      case 6 -> ElementType.I32;
      case 7 -> ElementType.I64;
      case 9 -> ElementType.BOOL;
      case 10 -> ElementType.F16;
      case 11 -> ElementType.F64;
      case 16 -> ElementType.BF16;
      default -> null;
    };
  }

  private void nameLinearWeights() {
    Map<String, StoredTensor> named = new LinkedHashMap<>();
    for (Node node : products) {
      StoredTensor constant = tensors.get(node.inputs().get(1));
      if (constant != null && constant.shape().length == 2) {
        String module = node.name().substring(0, node.name().length() - MATMUL.length());
        String path = module.startsWith("/") ? module.substring(1) : module;
        named.put(path.replace('/', '.') + ".weight", constant.transposed());
      }
    }
    tensors.keySet().removeIf(name -> name.startsWith("onnx::"));
    named.forEach(tensors::putIfAbsent);
  }
}
