import type { MoeDescriptor } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { fromFloat32, readTensor, toFloat32 } from '../checkpoint/read-tensor.ts';
import { tensorInMemory, type TensorToWrite } from '../checkpoint/write-safetensors.ts';
import { correctionOf } from '../checkpoint/routing.ts';
import { present, refuse } from '../contract/errors.ts';
import type { MoeLayer } from '../graph/moe.ts';
import { type Gate, gateOf } from '../pruning/recovery/gate-gradient.ts';
import { recoverRouter, type RouterProblem, type RouterRecovery } from '../pruning/recovery/recover-router.ts';
import { withPauses } from '../arithmetic/steps.ts';
import { TraceBuilder } from '../pruning/search/layer-trace.ts';
import { pause } from './executor.ts';
import { ExpertSessions } from './expert-sessions.ts';
import type { LayerVariant } from './layer-variant.ts';
import { itemsOfTokens, routerName, type Streams } from './recovered-layer.ts';
import type { Observation } from './run-block.ts';

/** Memory limit for the products of one layer's tokens: beyond it only every second, third, ... token is used. */
const TRACE_BYTES = 2 ** 28;

export interface RouterRefit {
  readonly checkpoint: Checkpoint;
  readonly moe: MoeDescriptor;
  /** Counted among MoE layers. */
  readonly layer: number;
  readonly variant: LayerVariant;
  /** After the layer. */
  readonly streams: readonly Streams[];
  readonly seen: readonly Observation[];
  readonly itemOf: readonly number[];
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** The rows of a router that tokens may choose, and the experts that they lead to, by index among the running ones. */
interface OpenRows {
  readonly rows: readonly number[];
  readonly experts: readonly number[];
  readonly expertOf: readonly number[];
}

/** Result of a refit: the router to write (null: unchanged), and how much it gained. */
export interface RefittedRouter {
  readonly tensor: TensorToWrite | null;
  readonly recovery: RouterRecovery;
}

/**
 * Refits the rows of one layer's router on calibration tokens: each kept expert runs once on each token, and gradient
 * descent finds the rows that bring the mixture nearest to the unpruned layer's output. The tensor has the shape and
 * dtype of the layer's router, with the rows of dropped experts unchanged.
 *
 * @throws WorkbenchError `recovery-unsupported` where the router's rule has no derivative here.
 */
export const refitRouter = async (refit: RouterRefit): Promise<RefittedRouter> => {
  const { moe, layer, variant, signal } = refit;
  const moeLayer = present(variant.layer, 'a block without experts has no router');
  const open = openRows(moeLayer, variant.mask);
  const gate = await gateOfLayer(refit.checkpoint, moeLayer, open);
  const stored = await readTensor(moeLayer.router);
  const { hidden } = refit.checkpoint.descriptor;
  const start = new Float32Array(open.rows.length * hidden);
  open.rows.forEach((row, at) => start.set(stored.subarray(row * hidden, (row + 1) * hidden), at * hidden));
  const problem = await routerProblem(refit, moeLayer, open, gate);
  const recovery = await withPauses(recoverRouter(problem, start), () => pause(signal));
  if (recovery.steps === 0) return { tensor: null, recovery };
  const rows = stored.slice();
  open.rows.forEach((row, at) => rows.set(recovery.rows.subarray(at * hidden, (at + 1) * hidden), row * hidden));
  const { dtype, shape, tensor } = moeLayer.router;
  const bytes = fromFloat32(rows, dtype);
  if (toFloat32(bytes.slice(), dtype, tensor).some((value) => !Number.isFinite(value)))
    throw new Error(`refitted rows of layer ${layer} do not fit ${dtype} (${moe.experts} experts)`);
  return { tensor: tensorInMemory(routerName(layer), dtype, shape, bytes), recovery };
};

const openRows = ({ map, experts }: MoeLayer, mask: Float32Array): OpenRows => {
  const rows = [...mask.keys()].filter((row) => mask[row] === 0);
  const leadsTo = rows.map((row) => (map.kind === 'rows' || map.kind === 'sums' ? (map.experts[row] ?? -1) : row));
  const running = [...experts.keys()].filter((expert) => leadsTo.includes(expert));
  return { rows, experts: running, expertOf: leadsTo.map((expert) => running.indexOf(expert)) };
};

const gateOfLayer = async (
  { name, descriptor }: Checkpoint,
  { routing, topK, map }: MoeLayer,
  { rows, expertOf }: OpenRows,
): Promise<Gate> => {
  const view = correctionOf(routing);
  const correction = view === null ? undefined : await readTensor(view);
  const gate =
    map.kind === 'blend'
      ? null
      : gateOf({
          rule: routing,
          topK,
          expertOf,
          isSummed: map.kind === 'sums',
          correction: correction === undefined ? undefined : rows.map((row) => correction[row] ?? 0),
        });
  if (gate !== null) return gate;
  throw refuse(
    'recovery-unsupported',
    map.kind === 'blend'
      ? `${name}: the plan blends the router by matrices, whose rows cannot be refitted.`
      : `${name}: routers of the family ${descriptor.family} cannot be refitted: their rule (${routing.kind}) ` +
          `has no derivative here.`,
    'Recover the experts alone.',
  );
};

const routerProblem = async (
  { checkpoint, layer, streams, seen, itemOf, threads, signal }: RouterRefit,
  refittedLayer: MoeLayer,
  { rows, experts }: OpenRows,
  gate: Gate,
): Promise<RouterProblem> => {
  const { hidden, residualMultiplier } = checkpoint.descriptor;
  const total = streams.reduce((sum, { batch }) => sum + batch.tokens, 0);
  const stride = Math.max(1, Math.ceil((total * 8 * experts.length * (experts.length + 1)) / TRACE_BYTES));
  const running = { ...refittedLayer, experts: experts.flatMap((expert) => refittedLayer.experts[expert] ?? []) };
  const sessions = new ExpertSessions(checkpoint, threads, false, () => running);
  const builder = new TraceBuilder(experts.length, hidden, stride);
  const kept = Math.ceil(total / stride);
  const [tokens, items] = [new Float32Array(kept * hidden), new Int32Array(kept)];
  let first = 0;
  try {
    for (const [index, { batch, full, pruned }] of streams.entries()) {
      await pause(signal);
      const observation = present(seen[index], 'a batch was not observed');
      const wanted = full.map(
        (value, at) => (value - (pruned[at] ?? 0)) / residualMultiplier + (observation.routed[at] ?? 0),
      );
      const itemOfToken = itemsOfTokens(batch, itemOf);
      for (let token = (stride - (first % stride)) % stride; token < batch.tokens; token += stride) {
        const row = (first + token) / stride;
        tokens.set(observation.tokens.subarray(token * hidden, (token + 1) * hidden), row * hidden);
        items[row] = itemOfToken[token] ?? 0;
      }
      const numbered = first;
      await sessions.run(layer, observation.tokens, (from, count, outputs) => {
        const part = wanted.subarray(from * hidden, (from + count) * hidden);
        builder.add(
          Array.from({ length: count }, (_, at) => numbered + from + at),
          outputs,
          part,
          new Float32Array(count * experts.length),
        );
      });
      first += batch.tokens;
    }
  } finally {
    await sessions.dispose();
  }
  const bias = refittedLayer.routerBias === null ? undefined : await readTensor(refittedLayer.routerBias);
  return {
    hidden,
    tokens,
    items,
    trace: builder.finish().trace,
    gate,
    bias: bias === undefined ? undefined : rows.map((row) => bias[row] ?? 0),
  };
};
