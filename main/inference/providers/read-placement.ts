import { z } from 'zod';
import type { ProbeMeasurement } from '../../contract/device.ts';

export type Placement = Pick<ProbeMeasurement, 'nodes' | 'operatorsOnCpu'>;

/** Of onnxruntime's profile: one event per node and run, with the provider whose kernel ran. */
const profileEvents = z.array(
  z.object({
    cat: z.string().optional(),
    args: z.object({ op_name: z.string(), provider: z.string(), node_index: z.string() }).partial().optional(),
  }),
);

/** Copies between the two memories: the runtime adds them, and they are no work of the graph. */
const COPIES: ReadonlySet<string> = new Set(['MemcpyFromHost', 'MemcpyToHost']);

const CPU = 'CPUExecutionProvider';

/** Where the nodes of a graph ran, from the profile of its session; a node that ran several times counts once. */
export const readPlacement = (profile: string): Placement => {
  const ran = new Map<string, { readonly operator: string; readonly isOnCpu: boolean }>();
  for (const { cat, args } of profileEvents.parse(JSON.parse(profile))) {
    if (cat !== 'Node' || args?.op_name === undefined || args.provider === undefined || args.node_index === undefined) continue;
    if (!COPIES.has(args.op_name)) ran.set(args.node_index, { operator: args.op_name, isOnCpu: args.provider === CPU });
  }
  const onCpu = [...ran.values()].filter(({ isOnCpu }) => isOnCpu).map(({ operator }) => ({ operator, nodes: 1 }));
  return { nodes: { total: ran.size, onCpu: onCpu.length }, operatorsOnCpu: countOperators(onCpu) };
};

/** Several graphs as one. */
export const addPlacements = (placements: readonly Placement[]): Placement => ({
  nodes: {
    total: placements.reduce((sum, { nodes }) => sum + nodes.total, 0),
    onCpu: placements.reduce((sum, { nodes }) => sum + nodes.onCpu, 0),
  },
  operatorsOnCpu: countOperators(placements.flatMap(({ operatorsOnCpu }) => operatorsOnCpu)),
});

/** By falling count, then by name. */
const countOperators = (list: Placement['operatorsOnCpu']): Placement['operatorsOnCpu'] => {
  const counts = new Map<string, number>();
  for (const { operator, nodes } of list) counts.set(operator, (counts.get(operator) ?? 0) + nodes);
  return [...counts]
    .map(([operator, nodes]) => ({ operator, nodes }))
    .sort((a, b) => b.nodes - a.nodes || (a.operator < b.operator ? -1 : 1));
};
