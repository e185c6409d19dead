import { createStore } from 'zustand/vanilla';
import { clusterRequest } from '../../main/contract/cluster.ts';
import { remembered } from './layout-store.ts';

/** Where the next sweep runs. */
export const places = ['here', 'cluster'] as const;
export type Place = (typeof places)[number];

interface ClusterState {
  readonly place: Place;
  /** The next submission's request in the contract's shape, as typed; it may hold invalid values. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly choosePlace: (place: Place) => void;
  readonly choose: (setting: string, value: unknown) => void;
}

const usual = { ...clusterRequest.parse({}), workers: 2 };

const rememberedRequest = (): ClusterState['request'] => {
  try {
    return clusterRequest.safeParse(JSON.parse(remembered.read('cluster') ?? 'null')).data ?? usual;
  } catch (error) {
    if (error instanceof SyntaxError) return usual;
    throw error;
  }
};

/** Cluster settings of the next submission; remembered between starts. */
export const clusterStore = createStore<ClusterState>()((set) => ({
  place: places.find((place) => place === remembered.read('runOn')) ?? 'here',
  request: rememberedRequest(),
  choosePlace: (place) => set({ place }),
  choose: (setting, value) => set(({ request }) => ({ request: { ...request, [setting]: value } })),
}));

clusterStore.subscribe(({ place, request }) => {
  remembered.write('runOn', place);
  remembered.write('cluster', JSON.stringify(request));
});
