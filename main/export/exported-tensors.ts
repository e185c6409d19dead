import { CONSTANT_NAME } from '../checkpoint/describe-moe.ts';
import type { ExpertTensors, MoeDescriptor, TensorDtype, TensorView, Weight } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { contiguousPart, requireWholeView, wholeView } from '../checkpoint/read-tensor.ts';
import { correctionOf, routerTensors, tableOf, takesIdentityRows } from '../checkpoint/routing.ts';
import { scalableViews } from '../checkpoint/scaled-weight.ts';
import { at, given, present, refuse } from '../contract/errors.ts';
import type { PredictionChoice } from '../contract/export.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { openConstants } from '../inference/expert-constants.ts';
import type { Overlays } from '../inference/overlays.ts';
import { type IdentityRows, identityRowsOf, prunedTable } from './router-tensors.ts';
import { resolveCandidate } from '../inference/resolve-candidate.ts';

/** A contiguous run of bytes of an exported tensor: its present location and a description. */
export interface TensorPiece {
  readonly view: TensorView;
  readonly what: string;
}

/** A tensor of the export: its name and its pieces. */
export interface ExportedTensor {
  readonly name: string;
  /** Name of the source's weight file that contains it. */
  readonly sourceFile: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Never empty; concatenated, they are the tensor, unless it is made of them. */
  readonly pieces: readonly TensorPiece[];
  /** Its bytes where they are made of the pieces' values; absent: they are the pieces' own. */
  readonly made?: () => Promise<Uint8Array>;
}

/** One MoE layer under a plan: the source expert of each new one, and the merged weights, if any. */
interface PrunedLayer {
  readonly moe: Pick<MoeDescriptor, 'experts' | 'expertTensors' | 'identities'>;
  /** Name of its router's rows; null where they are never new. */
  readonly router: string | null;
  /** Name of the router's correction; null: none. */
  readonly correction: string | null;
  /** Names of its tensors by expert, as in `ExpertStorage`. */
  readonly stacked: readonly string[];
  readonly joined: readonly string[];
  readonly prefixes: readonly string[];
  /** Source experts by new (kept) index; for a merged group its first member, whose positions in the files it takes. */
  readonly carriers: readonly number[];
  /** Weights by kept index where they differ from the carriers', and the router's rows if they are new. */
  readonly merged: { readonly experts: readonly ExpertTensors[]; readonly router: TensorView | null } | null;
  /** Router of a dropping plan with refitted rows: all E rows, of which the kept ones are used. */
  readonly refittedRouter: TensorView | null;
  /** Names of tensors by expert that stay whole: those of the router, where its gates are the trained ones. */
  readonly whole: readonly string[];
  /** Experts whose rows of the router stay behind the others, and the correction that keeps them from being chosen. */
  readonly identityRows: IdentityRows | null;
  /** The rewritten table of the experts of each token, and the name of the one that it replaces; null: none. */
  readonly table: { readonly name: string; readonly view: TensorView } | null;
}

/**
 * Every tensor of the pruned checkpoint in the order of the source's files: expert-numbered tensors renumbered densely,
 * tensors whose first axis counts experts cut to the kept rows, all others unchanged. Merged weights come from the
 * overlays with which the plan is measured (which are written first if missing). Experts of extra prediction layers
 * are cut like those of the last layer that a plan prunes, or the layers are left out. `plan` is prepared.
 */
export const exportedTensors = async (
  checkpoint: Checkpoint,
  plan: Plan,
  overlays: Overlays,
  mtp: PredictionChoice = 'drop',
  constantsOf: (...of: Parameters<typeof openConstants>) => ReturnType<typeof openConstants> = openConstants,
): Promise<readonly ExportedTensor[]> => {
  const unused = leftOut(checkpoint, mtp);
  if (!isMergePlan(plan) && plan.constants !== undefined)
    return withConstants(checkpoint, plan.kept, await constantsOf(plan.constants, checkpoint, overlays), unused);
  const pruned = await prunedLayers(checkpoint, plan, overlays);
  const layers = mtp === 'slice' ? [...pruned, ...predictionLayers(checkpoint, plan)] : pruned;
  const stacked = new Map(layers.flatMap((layer) => layer.stacked.map((name) => [name, layer] as const)));
  const numbered = new Map(layers.flatMap((layer) => layer.prefixes.map((prefix) => [prefix, layer] as const)));
  const tables = new Map(pruned.flatMap(({ table }) => (table === null ? [] : [[table.name, table.view] as const])));
  return inFileOrder(checkpoint, unused, (view) => {
    const table = tables.get(view.tensor);
    if (table !== undefined) return whole(view.tensor, table, 'the rewritten table of experts');
    const rows = stacked.get(view.tensor);
    if (rows !== undefined) return cutRows(view, rows);
    const parsed = parseExpertName(view.tensor, numbered);
    return parsed === null ? whole(view.tensor, view, 'the source') : ofExpert(checkpoint, parsed, view);
  });
};

/** A tensor of one expert under its new number; null: the expert is dropped. */
const ofExpert = (
  { tensors }: Checkpoint,
  { layer, prefix, expert, rest }: ExpertTensorName<PrunedLayer>,
  view: TensorView,
): TensorForm | null => {
  const { moe, carriers, identityRows } = layer;
  const named = (number: number): string => `${prefix}${String(number)}.${rest}`;
  if (expert >= moe.experts) return whole(named(carriers.length + expert - moe.experts), view, 'the source');
  const kept = carriers.indexOf(expert);
  if (kept !== -1) {
    const { view: piece, what } = expertPiece(layer, kept, view);
    return whole(named(kept), piece, what);
  }
  // Files with matrices of identities, which nothing reads, have them for every row of the router.
  const row = identityRows?.dropped.indexOf(expert) ?? -1;
  return row === -1 || !tensors.has(named(moe.experts))
    ? null
    : whole(named(carriers.length + moe.identities + row), view, 'a matrix that nothing reads');
};

/**
 * The tensors of a checkpoint with constants in place of experts: the router stays whole, kept experts keep their
 * numbers, and the vector of each other expert takes the position of its first matrix.
 */
const withConstants = (
  checkpoint: Checkpoint,
  kept: readonly (readonly number[])[],
  constants: readonly TensorView[],
  unused: ReadonlySet<string>,
): readonly ExportedTensor[] => {
  const layerOf = new Map(
    checkpoint.descriptor.moeLayers.flatMap(({ moe }, layer) =>
      moe.storage.prefix === null ? [] : [[moe.storage.prefix, layer] as const],
    ),
  );
  const written = new Set<string>();
  return inFileOrder(checkpoint, unused, (view) => {
    const parsed = parseExpertName(view.tensor, layerOf);
    const vectors = parsed === null ? undefined : constants[parsed.layer];
    if (parsed === null || vectors === undefined) return whole(view.tensor, view, 'the source');
    const { layer, prefix, expert } = parsed;
    const experts = at(vectors.shape, 0);
    if (expert >= experts || kept[layer]?.includes(expert) === true) return whole(view.tensor, view, 'the source');
    const name = `${prefix}${String(expert)}.${CONSTANT_NAME}`;
    if (written.has(name)) return null;
    written.add(name);
    const vector = contiguousPart(vectors, expert, experts, vectors.shape.slice(1));
    return whole(name, vector, `the constant of expert ${String(expert)}`);
  });
};

/** Names of tensors that an export does not have. */
const leftOut = ({ descriptor }: Checkpoint, mtp: PredictionChoice): ReadonlySet<string> =>
  new Set([...descriptor.unusedTensors, ...(mtp === 'drop' ? descriptor.prediction.tensors : [])]);

/** What an extra layer for predicting has not got, nor one without new weights. */
const unchanged = { merged: null, refittedRouter: null, identityRows: null, table: null } as const;

/** Extra prediction layers, whose experts go by the last layer's plan, as they continue from that layer. */
const predictionLayers = ({ descriptor, info }: Checkpoint, plan: Plan): readonly PrunedLayer[] => {
  if (isMergePlan(plan)) return [];
  const { stacked, prefixes } = descriptor.prediction;
  const moe = { experts: info.experts, expertTensors: [], identities: 0 };
  const carriers = plan.kept.at(-1) ?? [];
  return [{ ...unchanged, moe, router: null, correction: null, stacked, joined: [], prefixes, whole: [], carriers }];
};

const prunedLayers = async (
  checkpoint: Checkpoint,
  plan: Plan,
  overlays: Overlays,
): Promise<readonly PrunedLayer[]> => {
  const layers: PrunedLayer[] = [];
  const { variants } = await resolveCandidate(checkpoint, { key: 'export', plan }, overlays);
  for (const [index, { block, moe }] of checkpoint.descriptor.moeLayers.entries()) {
    const variant = variants[block]?.layer;
    const experts = present(variant?.experts, `MoE layer ${String(index)} has no experts`);
    const { stacked, joined, prefix } = moe.storage;
    const isTrained = plan.gates?.kind === 'trained';
    const names = {
      moe,
      router: moe.router.tensor,
      correction: correctionOf(moe.routing)?.tensor ?? null,
      stacked,
      joined,
      prefixes: prefix === null ? [] : [prefix],
      whole: isTrained && !takesIdentityRows(moe) ? routerTensors(moe).map(({ tensor }) => tensor) : [],
    };
    if (isMergePlan(plan)) {
      const carriers = at(plan.groups, index).map(({ members }) => at(members, 0));
      layers.push({ ...unchanged, ...names, carriers, merged: { experts, router: variant?.router ?? null } });
      continue;
    }
    const carriers = at(plan.kept, index);
    const carried = carriers.map((carrier) => at(experts, carrier));
    const router = variant?.router ?? moe.router;
    const isNew = plan.recovery !== undefined || plan.gates?.kind === 'folded';
    layers.push({
      ...names,
      carriers,
      merged: isNew ? { experts: carried, router: null } : null,
      refittedRouter: router === moe.router ? null : router,
      identityRows: isTrained ? await identityRowsOf(moe, carriers, checkpoint.identity, overlays) : null,
      table: await rewritten(checkpoint, moe, carriers, overlays),
    });
  }
  return layers;
};

/** The table of a layer's experts of each token for the kept ones. */
const rewritten = async (
  { identity }: Checkpoint,
  moe: MoeDescriptor,
  kept: readonly number[],
  overlays: Overlays,
): Promise<PrunedLayer['table']> => {
  const table = tableOf(moe.routing);
  return table === null ? null : { name: table.tensor, view: await prunedTable(moe, table, kept, identity, overlays) };
};

/** What `formOf` makes of the tensors of a checkpoint in the order of its files; null: the export has none. */
const inFileOrder = (
  { weightFiles, tensors }: Checkpoint,
  unused: ReadonlySet<string>,
  formOf: (view: TensorView) => TensorForm | null,
): readonly ExportedTensor[] =>
  weightFiles.flatMap(({ file, name: sourceFile }) =>
    [...tensors.values()]
      .filter((view) => view.file === file && !unused.has(view.tensor))
      .sort((a, b) => a.byteOffset - b.byteOffset)
      .flatMap((view) => given(formOf(view), (form) => ({ ...form, sourceFile })) ?? []),
  );

interface ExpertTensorName<L> {
  readonly layer: L;
  readonly prefix: string;
  readonly expert: number;
  readonly rest: string;
}

/**
 * `layers.0.experts.12.w1.weight` -> prefix `layers.0.experts.`, expert 12, rest `w1.weight`; null: of no one expert.
 */
const parseExpertName = <L>(name: string, numbered: ReadonlyMap<string, L>): ExpertTensorName<L> | null => {
  for (const { 0: digits, index } of name.matchAll(/\d+(?=\.)/g)) {
    const prefix = name.slice(0, index);
    const layer = numbered.get(prefix);
    if (layer !== undefined)
      return { layer, prefix, expert: Number(digits), rest: name.slice(index + digits.length + 1) };
  }
  return null;
};

type TensorForm = Omit<ExportedTensor, 'sourceFile'>;

const whole = (name: string, view: TensorView, what: string): TensorForm => ({
  name,
  dtype: view.dtype,
  shape: view.shape,
  byteLength: view.byteLength,
  pieces: [{ view, what }],
});

/** A tensor whose first axis longer than one counts experts, with the rows of the kept ones. */
const cutRows = (view: TensorView, layer: PrunedLayer): TensorForm => {
  if (layer.whole.includes(view.tensor)) return whole(view.tensor, layer.refittedRouter ?? view, 'the whole router');
  if (layer.identityRows !== null && view.tensor === layer.correction)
    return whole(view.tensor, layer.identityRows.correction, 'the correction with rows that are never chosen');
  const newRouter = layer.merged?.router ?? null;
  if (newRouter !== null && view.tensor === layer.router)
    return whole(view.tensor, newRouter, 'the router rows of the merged experts');
  const { refittedRouter } = layer;
  if (refittedRouter !== null && view.tensor === layer.router)
    return keptRows(view.tensor, refittedRouter, layer.carriers);
  const { experts, identities } = layer.moe;
  if (layer.joined.includes(view.tensor)) {
    const [rows, rest] = [at(view.shape, 0), view.shape.slice(1)];
    const apart = cutRows({ ...view, shape: [experts, rows / experts, ...rest] }, { ...layer, joined: [] });
    return { ...apart, shape: [(layer.carriers.length * rows) / experts, ...rest] };
  }
  const axis = view.shape.findIndex((length) => length === experts || length === experts + identities);
  const rows = at(view.shape, axis);
  const rowOf = (expert: number): TensorView => contiguousPart(view, expert, rows, view.shape.slice(axis + 1));
  const ofExperts = layer.carriers.flatMap((carrier, kept): readonly TensorPiece[] => {
    const row = rowOf(carrier);
    const parts = layer.merged === null ? [] : partsOfRow(layer.moe, carrier, row);
    return parts.length === 0 ? [expertPiece(layer, kept, row)] : parts.map((part) => expertPiece(layer, kept, part));
  });
  const after = Array.from({ length: rows - experts }, (_, number) => experts + number);
  // Tensors with rows of identities get those of the experts that become such.
  const dropped = rows > experts ? (layer.identityRows?.dropped ?? []) : [];
  const others = [...after, ...dropped].map((row): TensorPiece => ({
    view: rowOf(row),
    what: `row ${String(row)} of the source`,
  }));
  const pieces = [...ofExperts, ...others];
  return {
    name: view.tensor,
    dtype: view.dtype,
    shape: view.shape.with(axis, layer.carriers.length + others.length),
    byteLength: pieces.reduce((sum, piece) => sum + piece.view.byteLength, 0),
    pieces,
  };
};

const keptRows = (name: string, router: TensorView, kept: readonly number[]): TensorForm => {
  const [rows, shape] = [at(router.shape, 0), router.shape.slice(1)];
  const pieces = kept.map((row): TensorPiece => ({
    view: contiguousPart(router, row, rows, shape),
    what: `the refitted router row of expert ${String(row)}`,
  }));
  return {
    name,
    dtype: router.dtype,
    shape: [kept.length, ...shape],
    byteLength: (kept.length * router.byteLength) / rows,
    pieces,
  };
};

const roles = ['gate', 'up', 'down'] as const;

/** What a plan may change of an expert. */
const expertParts = [...roles, 'downBias'] as const;

/** The matrices of an expert within its row of a stacked tensor, in file order. */
const partsOfRow = (moe: PrunedLayer['moe'], expert: number, row: TensorView): readonly TensorView[] =>
  roles
    .flatMap((role) => given(moe.expertTensors[expert]?.[role], wholeView) ?? [])
    .filter(
      ({ tensor, byteOffset }) =>
        tensor === row.tensor && byteOffset >= row.byteOffset && byteOffset < row.byteOffset + row.byteLength,
    )
    .sort((a, b) => a.byteOffset - b.byteOffset);

/** The export's content in place of the carrier's `view`: the view itself, or the new one of the same role. */
const expertPiece = ({ moe, carriers, merged }: PrunedLayer, kept: number, view: TensorView): TensorPiece => {
  const carrier = at(carriers, kept);
  const carried = { view, what: `expert ${String(carrier)} of the source` };
  const [before, after] = [moe.expertTensors[carrier], merged?.experts[kept]];
  if (before === undefined || after === undefined) return carried;
  const changed = expertParts.filter((part) => after[part] !== before[part]);
  for (const part of changed) {
    const at = viewsOf(before[part]).findIndex((known) => isSamePlace(known, view));
    if (at === -1) continue;
    const weight = after[part];
    const whole = present(weight, `a merged expert without its ${part} projection`);
    const piece = viewsOf(weight)[at] ?? requireWholeView(whole, 'exporting merged experts');
    return { view: { ...piece, shape: view.shape }, what: pieceName(piece, part, carrier, kept, changed.length) };
  }
  if (changed.length < roles.length) return carried;
  throw refuse(
    'not-exportable',
    `tensor "${view.tensor}" belongs to an expert, and merging is not defined for it.`,
    'Use a method that drops experts.',
  );
};

const pieceName = (
  { factor }: TensorView,
  part: (typeof expertParts)[number],
  carrier: number,
  kept: number,
  changed: number,
): string => {
  if (changed >= roles.length) return `the merge of group ${String(kept)}`;
  return factor === undefined
    ? `the refitted ${part} projection of expert ${String(carrier)}`
    : `the ${part} projection of expert ${String(carrier)} times ${String(factor)}`;
};

const isSamePlace = (left: TensorView, right: TensorView): boolean =>
  left.tensor === right.tensor && left.byteOffset === right.byteOffset && left.byteLength === right.byteLength;

/** Tensors of a weight that a plan may replace: its matrix, stored plainly or transposed, or its scales. */
const viewsOf = (weight: Weight | null | undefined): readonly TensorView[] => given(weight, scalableViews) ?? [];
