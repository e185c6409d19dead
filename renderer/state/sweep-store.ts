import { createStore } from 'zustand/vanilla';
import type { PathHandle } from '../../main/contract/model.ts';
import type { MethodName, RefitName } from '../../main/contract/plan.ts';
import { type DescribedSweepSettings, describedSweepSettings, type SweepSettings } from '../../main/contract/sweep.ts';
import { toggled } from './selection-store.ts';
import { clusterRequest } from '../../main/contract/cluster.ts';
import { jsonIn } from '../../main/contract/errors.ts';
import { remembered } from './layout-store.ts';

/** Methods of a first sweep: the floor, the usual baseline, and two published methods. */
export const usualMethods: readonly MethodName[] = ['random', 'frequency', 'reap', 'uncurl'];

export interface SweepFolder {
  readonly name: string;
  readonly folder: PathHandle;
  readonly path: string;
}

/** Settings of the next sweep, in the contract's shape; options of methods and the chat switch are the plan's. */
export interface SweepChoices extends Readonly<Omit<DescribedSweepSettings, 'refits'>> {
  readonly methods: readonly MethodName[];
  /** Rankings and plans used as methods of the sweep, by method name. */
  readonly files: NonNullable<SweepSettings['files']>;
  /** Checkpoint folders that are measured beside the plans, each a curve of its name. */
  readonly candidates: readonly SweepFolder[];
  /** May be empty; then a sweep with a recovery cannot start. */
  readonly refits: readonly RefitName[];
  /** Factors that were unticked; initially all possible powers of two are ticked. */
  readonly skippedFactors: readonly number[];
  /** Other factors and numbers of kept experts, as typed. */
  readonly typedFactors: string;
}

export interface SweepState extends SweepChoices {
  /** Models in addition to the selected one. */
  readonly otherModels: readonly PathHandle[];
  /** Whether an address brought the form, over the user's usual settings. */
  readonly isFromAddress: boolean;
  readonly toggleModel: (model: PathHandle) => void;
  readonly toggleMethod: (method: MethodName) => void;
  readonly addFile: (method: MethodName, file: { readonly name: string; readonly text: string }) => void;
  readonly removeFile: (method: MethodName) => void;
  readonly addCandidate: (candidate: SweepFolder) => void;
  readonly removeCandidate: (name: string) => void;
  readonly toggleFactor: (factor: number) => void;
  readonly toggleRefit: (refit: RefitName) => void;
  /** Sets a described setting to a value that its schema accepts. */
  readonly choose: (setting: string, value: unknown) => void;
}

export const plainSweep: SweepChoices = {
  ...describedSweepSettings.parse({}),
  methods: usualMethods,
  files: {},
  candidates: [],
  skippedFactors: [],
  typedFactors: '',
};

export const sweepStore = createStore<SweepState>()((set) => ({
  ...plainSweep,
  otherModels: [],
  isFromAddress: false,
  toggleModel: (model) => set(({ otherModels }) => ({ otherModels: toggled(otherModels, model) })),
  toggleMethod: (method) => set(({ methods }) => ({ methods: toggled(methods, method) })),
  addFile: (method, file) =>
    set(({ files, methods }) => ({ files: { ...files, [method]: file }, methods: [...methods, method] })),
  removeFile: (method) =>
    set(({ files, methods }) => ({
      files: Object.fromEntries(Object.entries(files).filter(([name]) => name !== method)),
      methods: methods.filter((known) => known !== method),
    })),
  addCandidate: (candidate) => set(({ candidates }) => ({ candidates: [...candidates, candidate] })),
  removeCandidate: (name) =>
    set(({ candidates }) => ({ candidates: candidates.filter((candidate) => candidate.name !== name) })),
  toggleFactor: (factor) => set(({ skippedFactors }) => ({ skippedFactors: toggled(skippedFactors, factor) })),
  toggleRefit: (refit) => set(({ refits }) => ({ refits: toggled(refits, refit) })),
  choose: (setting, value) => set((state) => ({ ...state, [setting]: value })),
}));

/** Where the next sweep runs. */
const RUN_TARGETS = ['here', 'cluster'] as const;
type RunTarget = (typeof RUN_TARGETS)[number];

interface ClusterState {
  readonly runsOn: RunTarget;
  /** The next submission's request in the contract's shape, as typed; it may hold invalid values. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly choose: (setting: string, value: unknown) => void;
}

const usual = { ...clusterRequest.parse({}), workers: 2 };

/** Cluster settings of the next submission; remembered between starts. */
export const clusterStore = createStore<ClusterState>()((set) => ({
  runsOn: RUN_TARGETS.find((target) => target === remembered.read('runOn')) ?? 'here',
  request: clusterRequest.safeParse(jsonIn(remembered.read('cluster') ?? '')).data ?? usual,
  choose: (setting, value) => set(({ request }) => ({ request: { ...request, [setting]: value } })),
}));

clusterStore.subscribe(({ runsOn, request }) => {
  remembered.write('runOn', runsOn);
  remembered.write('cluster', JSON.stringify(request));
});
