import { calls } from '../../contract/calls.ts';
import type { ClusterWorks } from '../cluster-works.ts';
import { answer, type Answers } from '../engine-context.ts';

type ClusterCall =
  'cluster.script' | 'cluster.submit' | 'cluster.list' | 'cluster.cancel' | 'cluster.forget' | 'cluster.log';

export const clusterCalls = (clusters: ClusterWorks): Pick<Answers, ClusterCall> => ({
  'cluster.script': answer(calls['cluster.script'], async ({ run, request }) => ({
    script: await clusters.script(run, request),
  })),
  'cluster.submit': answer(calls['cluster.submit'], ({ run, request, confirmed }, signal) =>
    clusters.submit(run, request, signal, confirmed),
  ),
  'cluster.list': answer(calls['cluster.list'], () => clusters.list()),
  'cluster.cancel': answer(calls['cluster.cancel'], async ({ run }) => {
    await clusters.cancel(run);
    return {};
  }),
  'cluster.forget': answer(calls['cluster.forget'], async ({ run }) => {
    await clusters.forget(run);
    return {};
  }),
  'cluster.log': answer(calls['cluster.log'], ({ run, task }) => clusters.log(run, task)),
});
