import type { PredictionLayers, TensorView } from './descriptor.ts';
import type { ExpertLayout, Family } from './families/family.ts';

/** Keys for the number of extra prediction layers: of most files, of transformers 5, and of Qwen3.5. */
export const PREDICTION_KEYS = ['num_nextn_predict_layers', 'num_mtp_layers', 'mtp_num_hidden_layers'] as const;

/** A name of routed experts; those of shared ones have a word before it. */
const NAMES_EXPERTS = /\bexperts?\b/;

/** A pattern's name within its layer. */
const withinLayer = (pattern: string): string => pattern.replace(/^.*\{l\}\./, '');

/** Names within a layer of tensors whose first axis counts experts, the router first. */
const stackedNames = (layout: ExpertLayout): readonly string[] => {
  const { kind: _kind, router, ...others } = layout;
  const stacked = Object.entries(others).flatMap(([role, name]: [string, string | boolean | null]) =>
    role !== 'prefix' && typeof name === 'string' && name.includes('{l}') ? [name] : [],
  );
  return [router, ...stacked].map(withinLayer);
};

/**
 * Extra prediction layers (multi-token prediction; DeepSeek-V3, arXiv 2412.19437, section 2.2) among a file's unused
 * tensors: they repeat a layer of the family, so that their experts have the names of its layers after another
 * beginning.
 */
export const describePrediction = (
  { layouts, routing }: Family,
  views: readonly TensorView[],
  experts: number,
): PredictionLayers => {
  const corrections =
    routing.kind === 'scores' ? [...(routing.correction ?? []), routing.expertScale ?? []].flat() : [];
  const routers = layouts.map(({ router }) => withinLayer(router));
  const rows = [...new Set([...layouts.flatMap(stackedNames), ...corrections.map(withinLayer)])];
  const numbered = layouts.flatMap((layout) => (layout.kind === 'per-expert' ? [withinLayer(layout.prefix)] : []));
  const stacked: TensorView[] = [];
  const numbers = new Map<string, Set<number>>();
  const withRouter = new Set<string>();
  const withExperts = new Set<string>();
  const obstacles: string[] = [];
  for (const view of views) {
    const name = rows.find((each) => view.tensor.endsWith(`.${each}`));
    if (name !== undefined) {
      stacked.push(view);
      (routers.includes(name) ? withRouter : withExperts).add(view.tensor.slice(0, -name.length));
      continue;
    }
    const part = numbered
      .map((each) => ({ each, at: view.tensor.indexOf(`.${each}`) + 1 }))
      .find(({ each, at }) => at > 0 && /^\d+\./.test(view.tensor.slice(at + each.length)));
    if (part !== undefined) {
      const prefix = view.tensor.slice(0, part.at + part.each.length);
      const expert = Number.parseInt(view.tensor.slice(prefix.length), 10);
      numbers.set(prefix, (numbers.get(prefix) ?? new Set()).add(expert));
      withExperts.add(view.tensor.slice(0, part.at));
    } else if (NAMES_EXPERTS.test(view.tensor)) obstacles.push(`"${view.tensor}" is not a name of this family`);
  }
  for (const { tensor, shape } of stacked)
    if (shape.find((length) => length > 1) !== experts)
      obstacles.push(`"${tensor}" has shape [${shape.join(', ')}], and the model ${experts} experts`);
  for (const [prefix, found] of numbers)
    if (found.size !== experts || [...found].some((expert) => expert >= experts))
      obstacles.push(`"${prefix}" has ${found.size} experts, and the model ${experts}`);
  for (const start of withExperts)
    if (!withRouter.has(start)) obstacles.push(`the layer "${start}" has experts and no router`);
  return {
    tensors: views.map(({ tensor }) => tensor),
    stacked: stacked.map(({ tensor }) => tensor),
    prefixes: [...numbers.keys()],
    obstacle: obstacles[0] ?? null,
  };
};
