import type { StateDict, Tensor } from "@/contracts/tensors";
import { BATCH_NORM_EPSILON, type Graph, type GraphNode } from "@/model/graph";
import { bytes, concatBytes, float, integer, message, text } from "./protobuf";

type Bytes = Uint8Array<ArrayBuffer>;

// Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
const MODEL = { irVersion: 1, graph: 7, opsetImport: 8 } as const;
const OPSET = { version: 2 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, float: 2, integer: 3, string: 4, integers: 8, type: 20 } as const;
const ATTRIBUTE_TYPE = { float: 1, integer: 2, string: 3, integers: 7 } as const;
const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9 } as const;
const VALUE = { name: 1, type: 2 } as const;
const FLOAT32 = 1;

const IR_VERSION = 8;
/** The first with Resize's `align_corners` as it is today is 11; 17 is read by every current runtime. */
const OPSET_VERSION = 17;

type Attribute = number | string | readonly number[];

function attribute([name, value]: readonly [string, Attribute]): Bytes {
  if (typeof value === "string")
    return message(NODE.attribute, [
      text(ATTRIBUTE.name, name),
      text(ATTRIBUTE.string, value),
      integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.string),
    ]);
  if (typeof value === "number")
    return message(NODE.attribute, [
      text(ATTRIBUTE.name, name),
      ...(Number.isInteger(value)
        ? [integer(ATTRIBUTE.integer, value), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.integer)]
        : [float(ATTRIBUTE.float, value), integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.float)]),
    ]);
  return message(NODE.attribute, [
    text(ATTRIBUTE.name, name),
    ...value.map((each) => integer(ATTRIBUTE.integers, each)),
    integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.integers),
  ]);
}

function tensorField(field: number, name: string, { shape, data }: Tensor): Bytes {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(field, [
    ...shape.map((side) => integer(TENSOR.dims, side)),
    integer(TENSOR.dataType, FLOAT32),
    text(TENSOR.name, name),
    bytes(TENSOR.rawData, raw),
  ]);
}

/** ValueInfoProto: name and type { tensor_type { elem_type, shape { dim { dim_value } } } }. */
function valueField(field: number, name: string, shape: readonly number[]): Bytes {
  const dims = shape.map((side) => message(1, [integer(1, side)]));
  return message(field, [
    text(VALUE.name, name),
    message(VALUE.type, [message(1, [integer(1, FLOAT32), message(2, dims)])]),
  ]);
}

/** Input and output of the model. */
export const INPUT = "noisy";
export const OUTPUT = "denoised";

/**
 * The network in evaluation mode as an ONNX file: float32, NCHW, `noisy` [1, 1, height, width] → `denoised`, BatchNorm as nodes of
 * its own (a runtime folds them as it sees fit).
 */
export function onnxModel(graph: Graph, weights: StateDict, height: number, width: number): Bytes {
  const nameOf = (id: number): string => (id === graph.output ? OUTPUT : id === 0 ? INPUT : `value${id}`);
  const initializers = new Map<string, Tensor>();
  const parameter = (name: string): string => {
    const tensor = weights.get(name);
    if (!tensor) throw new Error(`no weights ${name}`);
    initializers.set(name, tensor);
    return name;
  };
  const node = (
    id: number,
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Bytes =>
    message(GRAPH.node, [
      ...inputs.map((input) => text(NODE.input, input)),
      text(NODE.output, nameOf(id)),
      text(NODE.name, `node${id}`),
      text(NODE.opType, opType),
      ...Object.entries(attributes).map(attribute),
    ]);
  const nodes = graph.nodes.flatMap((each: GraphNode): Bytes[] => {
    switch (each.op) {
      case "input":
        if (each.id !== 0) throw new Error("the input is not the first node");
        return [];
      case "conv": {
        const pad = (each.kernel - 1) / 2;
        const names = ["weight", "bias"].map((part) => parameter(`${each.name}.${part}`));
        return [
          node(each.id, "Conv", [nameOf(each.input), ...names], {
            kernel_shape: [each.kernel, each.kernel],
            pads: [pad, pad, pad, pad],
          }),
        ];
      }
      case "upconv": {
        const names = ["weight", "bias"].map((part) => parameter(`${each.name}.${part}`));
        return [
          node(each.id, "ConvTranspose", [nameOf(each.input), ...names], {
            kernel_shape: [2, 2],
            strides: [2, 2],
          }),
        ];
      }
      case "batchNorm": {
        const parts = ["weight", "bias", "running_mean", "running_var"];
        const names = parts.map((part) => parameter(`${each.name}.${part}`));
        return [
          node(each.id, "BatchNormalization", [nameOf(each.input), ...names], {
            epsilon: each.epsilon ?? BATCH_NORM_EPSILON,
          }),
        ];
      }
      case "relu":
        return [node(each.id, "Relu", [nameOf(each.input)])];
      case "maxPool":
        return [node(each.id, "MaxPool", [nameOf(each.input)], { kernel_shape: [2, 2], strides: [2, 2] })];
      case "upsample": {
        initializers.set("scales", { shape: [4], data: Float32Array.of(1, 1, 2, 2) });
        // The second input, a region of interest, is left out.
        return [
          node(each.id, "Resize", [nameOf(each.input), "", "scales"], {
            mode: "linear",
            coordinate_transformation_mode: "align_corners",
          }),
        ];
      }
      case "concat":
        return [node(each.id, "Concat", each.inputs.map(nameOf), { axis: 1 })];
      case "subtract":
        return [node(each.id, "Sub", each.inputs.map(nameOf))];
      default:
        return each satisfies never;
    }
  });
  const shape = [1, 1, height, width];
  return concatBytes([
    integer(MODEL.irVersion, IR_VERSION),
    message(MODEL.opsetImport, [integer(OPSET.version, OPSET_VERSION)]),
    message(MODEL.graph, [
      ...nodes,
      text(GRAPH.name, graph.name),
      ...[...initializers].map(([name, tensor]) => tensorField(GRAPH.initializer, name, tensor)),
      valueField(GRAPH.input, INPUT, shape),
      valueField(GRAPH.output, OUTPUT, shape),
    ]),
  ]);
}
