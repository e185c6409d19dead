import { valuesIn } from '../arithmetic/vectors.ts';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx-messages.ts';
import type { TensorView, Weight } from '../checkpoint/descriptor.ts';
import { scalableViews } from '../checkpoint/scaled-weight.ts';
import { numberToHalf } from '../checkpoint/half-precision.ts';

/** Version of the standard operators in graphs, and of the file format that carries it. */
const OPSET = 21n;
const IR_VERSION = 10n;
const CONTRIB_DOMAIN = 'com.microsoft';

/** Name of a value in the graph. */
export type Value = string & { readonly __value: unique symbol };
type Dimension = number | string;
type Attribute = number | string | readonly number[] | { readonly float: number };

type Attributes = Readonly<Record<string, Attribute>>;

const asValue = (name: string): Value => name as Value;

/** Limits of the device that runs a graph, and its precision. */
export interface GraphTarget {
  /** Most tensors that one node may split a tensor into, or join. */
  readonly nodeWidth: number;
  /** Number format of matrices and of products with them (see `precision.ts`). */
  readonly precision: 'float32' | 'float16';
}

/** The processor, and every device without limits of its own. */
export const UNLIMITED: GraphTarget = { nodeWidth: Number.POSITIVE_INFINITY, precision: 'float32' };

/** The location of an initializer's data in a file. */
export interface ExternalTensor {
  /** Name of the initializer; parts of one tensor get a number appended. */
  readonly name: string;
  readonly location: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly shape: readonly number[];
  readonly type: DataType;
  /** Where the data are quantised values: `type` is then that of the values. */
  readonly blocks?: TensorView | Weight;
}

/** A graph as bytes, and the tensors whose values are given to the session, by their location in the graph. */
export interface SerialisedGraph {
  readonly bytes: Uint8Array;
  readonly given: ReadonlyMap<string, ExternalTensor>;
  /** Weights that the graph rounds to half precision: a value beyond its range would become infinite. */
  readonly halved: readonly (TensorView | Weight)[];
}

/**
 * Collects the nodes of one ONNX graph in topological order. Values are named by their operator and a running number;
 * constants of equal content are shared.
 */
export class OnnxGraph {
  readonly target: GraphTarget;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #constants = new Map<string, Value>();
  readonly #externals = new Map<string, ExternalTensor>();
  readonly #externalNames = new Map<string, number>();
  readonly #casts = new Map<string, Value>();
  readonly #halved = new Set<TensorView | Weight>();
  #next = 0;

  constructor(target: GraphTarget = UNLIMITED) {
    this.target = target;
  }

  input(name: string, type: DataType, shape: readonly Dimension[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return asValue(name);
  }

  /** Gives a value its public name. */
  output(name: string, value: Value, type: DataType, shape: readonly Dimension[]): void {
    this.#nodes.push(create(NodeProtoSchema, { opType: 'Identity', input: [value], output: [name] }));
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** One node with one output. */
  node(opType: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const [value] = this.nodes(opType, inputs, 1, attributes);
    if (value === undefined) throw new Error(`${opType} has no output`);
    return value;
  }

  /** One node with several outputs. */
  nodes(op: string, inputs: readonly Value[], outputs: 2, attributes?: Attributes): readonly [Value, Value];
  nodes(op: string, inputs: readonly Value[], outputs: 3, attributes?: Attributes): readonly [Value, Value, Value];
  nodes(op: string, inputs: readonly Value[], outputs: number, attributes?: Attributes): readonly Value[];
  nodes(opType: string, inputs: readonly Value[], outputs: number, attributes: Attributes = {}): readonly Value[] {
    const names = Array.from({ length: outputs }, () => this.#fresh(opType));
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType,
        input: [...inputs],
        output: [...names],
        attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
        domain: contribOperators.has(opType) ? CONTRIB_DOMAIN : '',
      }),
    );
    return names;
  }

  // The most frequent operators.
  readonly add = (left: Value, right: Value): Value => this.node('Add', [left, right]);
  readonly sub = (left: Value, right: Value): Value => this.node('Sub', [left, right]);
  readonly mul = (left: Value, right: Value): Value => this.node('Mul', [left, right]);
  readonly div = (left: Value, right: Value): Value => this.node('Div', [left, right]);
  readonly matmul = (left: Value, right: Value): Value => this.node('MatMul', [left, right]);
  readonly transpose = (value: Value, perm: readonly number[]): Value => this.node('Transpose', [value], { perm });
  readonly gather = (from: Value, rows: Value, axis: number): Value => this.node('Gather', [from, rows], { axis });
  readonly concat = (values: readonly Value[], axis: number): Value => this.node('Concat', values, { axis });
  /** Lengths of the axes from `start` up to `end`, of all by default. */
  readonly shape = (value: Value, start?: number, end?: number): Value =>
    this.node('Shape', [value], start === undefined || end === undefined ? {} : { start, end });
  /** In `shape`, 0 is the length of the value's own axis, and -1 what is left. */
  readonly reshape = (value: Value, shape: readonly number[] | Value): Value =>
    this.node('Reshape', [value, typeof shape === 'string' ? shape : this.integers(shape)]);
  readonly unsqueeze = (value: Value, axes: readonly number[]): Value =>
    this.node('Unsqueeze', [value, this.integers(axes)]);
  readonly squeeze = (value: Value, axes: readonly number[]): Value =>
    this.node('Squeeze', [value, this.integers(axes)]);
  readonly slice = (value: Value, start: number, end: number, axis: number): Value =>
    this.node('Slice', [value, ...[start, end, axis].map((bound) => this.integers([bound]))]);

  /** 0, 1, ... up to a length [1]. */
  readonly range = (length: Value): Value =>
    this.node('Range', [this.integers(0), this.node('Squeeze', [length]), this.integers(1)]);
  /** A float32 tensor of the shape of `like`, filled with one number. */
  readonly filled = (like: Value, value: number): Value => this.node('Expand', [this.float(value), this.shape(like)]);

  /** A value in another number format: one node, however often it is asked for. */
  cast(value: Value, to: DataType): Value {
    const key = `${to}:${value}`;
    const cast = this.#casts.get(key) ?? this.node('Cast', [value], { to });
    this.#casts.set(key, cast);
    return cast;
  }

  /** Weights that are rounded to half precision. */
  halves(weights: TensorView | Weight): void {
    this.#halved.add(weights);
  }

  /** Small integer constant; a number gives a scalar. */
  integers(values: number | readonly number[]): Value {
    const list = typeof values === 'number' ? [values] : values;
    return this.#constant(`i:${typeof values}:${list.join(',')}`, () =>
      create(TensorProtoSchema, {
        dataType: DataType.INT64,
        dims: typeof values === 'number' ? [] : [BigInt(list.length)],
        int64Data: list.map((value) => BigInt(value)),
      }),
    );
  }

  float(value: number): Value {
    return this.#constant(`f:${value}`, () =>
      create(TensorProtoSchema, { dataType: DataType.FLOAT, dims: [], floatData: [value] }),
    );
  }

  /** A scalar in half precision: to nearest. */
  half(value: number): Value {
    return this.#constant(`h:${value}`, () =>
      create(TensorProtoSchema, { dataType: DataType.FLOAT16, dims: [], int32Data: [numberToHalf(value)] }),
    );
  }

  double(value: number): Value {
    return this.#constant(`d:${value}`, () =>
      create(TensorProtoSchema, { dataType: DataType.DOUBLE, dims: [], doubleData: [value] }),
    );
  }

  floats(shape: readonly number[], values: readonly number[]): Value {
    return this.#constant(`F:${shape.join('x')}:${values.join(',')}`, () =>
      create(TensorProtoSchema, {
        dataType: DataType.FLOAT,
        dims: shape.map((length) => BigInt(length)),
        floatData: [...values],
      }),
    );
  }

  /** Weights in their file: nothing is read until the runtime maps it. */
  external(tensor: ExternalTensor): Value {
    const key = `x:${tensor.location}:${tensor.byteOffset}:${tensor.shape.join('x')}${factorsIn(tensor)}`;
    return this.#constant(key, () => {
      const name = this.#unused(tensor.name);
      this.#externals.set(name, tensor);
      return create(TensorProtoSchema, {
        name,
        dataType: tensor.type,
        dims: tensor.shape.map((length) => BigInt(length)),
        dataLocation: DataLocation.EXTERNAL,
        externalData: externalData(tensor.location, tensor.byteOffset, tensor.byteLength),
      });
    });
  }

  /**
   * The model as bytes, without nodes that no output needs. Where a tensor is stored in blocks, the values of all
   * tensors are given to the session: onnxruntime takes either all from files or none.
   */
  serialise(name: string): SerialisedGraph {
    const { nodes, initializers } = this.#needed();
    const externals = initializers.flatMap((proto) => {
      const tensor = this.#externals.get(proto.name);
      return tensor === undefined ? [] : [{ proto, tensor }];
    });
    const given = new Map<string, ExternalTensor>();
    if (externals.some(({ tensor }) => tensor.blocks !== undefined))
      for (const { proto, tensor } of externals) {
        const location = `given/${given.size}`;
        const values = valuesIn(tensor.shape);
        const bytes = tensor.blocks === undefined ? tensor.byteLength : 4 * values;
        proto.externalData = externalData(location, 0, bytes);
        given.set(location, tensor);
      }
    return { bytes: this.#binary(name, nodes, initializers), given, halved: [...this.#halved] };
  }

  #binary(name: string, nodes: NodeProto[], initializers: TensorProto[]): Uint8Array {
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: IR_VERSION,
        producerName: 'uncurl-workbench',
        opsetImport: [
          create(OperatorSetIdProtoSchema, { domain: '', version: OPSET }),
          create(OperatorSetIdProtoSchema, { domain: CONTRIB_DOMAIN, version: 1n }),
        ],
        graph: create(GraphProtoSchema, {
          name,
          node: nodes,
          initializer: initializers,
          input: this.#inputs,
          output: this.#outputs,
        }),
      }),
    );
  }

  #needed(): { readonly nodes: NodeProto[]; readonly initializers: TensorProto[] } {
    const values = new Set(this.#outputs.map((output) => output.name));
    const nodes: NodeProto[] = [];
    for (const node of [...this.#nodes].reverse()) {
      if (!node.output.some((output) => values.has(output))) continue;
      nodes.push(node);
      for (const input of node.input) values.add(input);
    }
    return { nodes: nodes.reverse(), initializers: this.#initializers.filter((tensor) => values.has(tensor.name)) };
  }

  /** `name`, with the first free number appended where it is taken. */
  #unused(name: string): string {
    const used = this.#externalNames.get(name) ?? 0;
    this.#externalNames.set(name, used + 1);
    return used === 0 ? name : `${name}#${used}`;
  }

  #fresh(prefix: string): Value {
    this.#next += 1;
    return asValue(`${prefix}_${this.#next}`);
  }

  #constant(key: string, make: () => TensorProto): Value {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const tensor = make();
    if (tensor.name === '') tensor.name = this.#fresh('constant');
    const name = asValue(tensor.name);
    this.#initializers.push(tensor);
    this.#constants.set(key, name);
    return name;
  }
}

/** Tensors at one place with different factors are different. */
const factorsIn = ({ blocks }: ExternalTensor): string => {
  if (blocks === undefined) return '';
  const views = 'stored' in blocks ? scalableViews(blocks) : [blocks];
  return views.map(({ factor }) => (factor === undefined ? '' : `:${factor}`)).join('');
};

const externalData = (location: string, offset: number, length: number): TensorProto['externalData'] =>
  [
    ['location', location],
    ['offset', String(offset)],
    ['length', String(length)],
  ].map(([key, value]) => create(StringStringEntryProtoSchema, { key: key ?? '', value: value ?? '' }));

/** Operators of onnxruntime's own domain that graphs use. */
const contribOperators = new Set(['FusedMatMul', 'LinearAttention', 'QuickGelu', 'RotaryEmbedding']);

const valueInfo = (name: string, type: DataType, shape: readonly Dimension[]): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, {
      value: {
        case: 'tensorType',
        value: create(TypeProto_TensorSchema, {
          elemType: type,
          shape: create(TensorShapeProtoSchema, {
            dim: shape.map((length) =>
              create(TensorShapeProto_DimensionSchema, {
                value:
                  typeof length === 'number'
                    ? { case: 'dimValue', value: BigInt(length) }
                    : { case: 'dimParam', value: length },
              }),
            ),
          }),
        }),
      },
    }),
  });

const attributeProto = (name: string, value: Attribute): AttributeProto => {
  if (typeof value === 'number')
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map((each) => BigInt(each)) });
};
