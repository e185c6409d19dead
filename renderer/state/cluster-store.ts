import { createStore } from 'zustand/vanilla';
import { clusterRequest } from '../../main/contract/cluster.ts';
import { jsonIn } from '../../main/contract/errors.ts';
import { remembered } from './layout-store.ts';

/** Where the next sweep runs. */
export const RUN_TARGETS = ['here', 'cluster'] as const;
export type RunTarget = (typeof RUN_TARGETS)[number];

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
