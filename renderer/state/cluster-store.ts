import { createStore } from 'zustand/vanilla';
import { z } from 'zod';
import { clusterRequest } from '../../main/contract/cluster.ts';
import { remembered } from './layout-store.ts';

/** Contents of the cluster fields, as typed. */
const clusterFields = z.object({
  partition: z.string(),
  gres: z.string(),
  constraint: z.string(),
  workers: z.string(),
  time: z.string(),
  processors: z.string(),
  memory: z.string(),
  setup: z.string(),
  host: z.string(),
  command: z.string(),
});
export type ClusterFields = z.infer<typeof clusterFields>;

const EMPTY: ClusterFields = {
  partition: '',
  gres: '',
  constraint: '',
  workers: '2',
  time: '',
  processors: '',
  memory: '',
  setup: '',
  host: '',
  command: '',
};

/** Where the next sweep runs. */
export const RUN_TARGETS = ['here', 'cluster'] as const;
export type RunTarget = (typeof RUN_TARGETS)[number];

interface ClusterState {
  readonly runsOn: RunTarget;
  readonly fields: ClusterFields;
  readonly chooseRunsOn: (runsOn: RunTarget) => void;
  readonly type: (name: keyof ClusterFields, text: string) => void;
}

const rememberedFields = (): ClusterFields => {
  try {
    return clusterFields.parse(JSON.parse(remembered.read('cluster') ?? 'null'));
  } catch (error) {
    // Nothing is stored, or it is from a version with other fields.
    if (error instanceof z.ZodError || error instanceof SyntaxError) return EMPTY;
    throw error;
  }
};

/** Cluster settings of the next submission; remembered between starts. */
export const clusterStore = createStore<ClusterState>()((set) => ({
  runsOn: RUN_TARGETS.find((target) => target === remembered.read('runOn')) ?? 'here',
  fields: rememberedFields(),
  chooseRunsOn: (runsOn) => set({ runsOn }),
  type: (name, text) => set(({ fields }) => ({ fields: { ...fields, [name]: text } })),
}));

clusterStore.subscribe(({ runsOn, fields }) => {
  remembered.write('runOn', runsOn);
  remembered.write('cluster', JSON.stringify(fields));
});

const wordOrNull = (text: string): string | null => (text.trim() === '' ? null : text.trim());
const numberOrNull = (text: string): number | null => (text.trim() === '' ? null : Number(text));

/** Parses the fields into a request, or reports errors by field. */
export const readClusterFields = (fields: ClusterFields) =>
  clusterRequest.safeParse({
    partition: wordOrNull(fields.partition),
    gres: wordOrNull(fields.gres),
    constraint: wordOrNull(fields.constraint),
    workers: numberOrNull(fields.workers) ?? 1,
    time: wordOrNull(fields.time),
    processors: numberOrNull(fields.processors),
    memory: wordOrNull(fields.memory),
    setup: fields.setup
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
    host: wordOrNull(fields.host),
    command: wordOrNull(fields.command),
  });
