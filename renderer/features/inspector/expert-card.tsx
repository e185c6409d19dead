import { useState } from 'react';
import { useStore } from 'zustand';
import type { PathHandle } from '../../../main/contract/model.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { Button } from '../../components/button.tsx';
import { fact, FactList, plainFact } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { focusedTask, isUsable, selectedModel, useFacts } from '../../engine/facts.ts';
import { formatCount, formatFactor, formatFixed, formatPercent } from '../../../main/words/numbers.ts';
import { describeFate, expertFates } from '../../plan/expert-fates.ts';
import { keptAtFactor } from '../../../main/contract/keep-from-factor.ts';
import { standardFactors } from '../../plan/kept-counts.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { PinControl } from '../../plan/pins.tsx';
import { planInputBy, shownImport } from '../../plan/plan-input.ts';
import { useCurrentPlan } from '../../plan/use-current-plan.ts';
import { effectiveExperts, formatMetric, metricMatrix, rankInLayer } from '../../profile/metrics.ts';
import { useProfiles } from '../../profile/use-profiles.ts';
import { ExpertDepth } from './expert-depth.tsx';
import { ExpertDamage } from './expert-damage.tsx';
import { sweepStore } from '../../state/sweep-store.ts';
import { type ExpertPosition, routingMetrics } from '../../state/selection.ts';

/** One expert on the task in focus: all metrics, its rank, and its fate under the plan. */
export const ExpertCard = ({ layer, expert }: ExpertPosition) => {
  const facts = useFacts();
  const task = focusedTask(facts);
  const model = selectedModel(facts);
  const { metric } = facts.selection.map;
  const { profileOf } = useProfiles();
  const { fates } = useCurrentPlan();
  const profile = task === null ? undefined : profileOf(task);
  const fate = fates?.[layer]?.[expert];
  const row = profile === undefined ? [] : (metricMatrix(profile, metric)[layer] ?? []);
  const sum = row.reduce((total, value) => total + value, 0);
  return (
    <section className="stack stack-wide" aria-label={`Layer ${layer}, expert ${expert}`}>
      <h2>
        Layer {layer}, expert {expert}
      </h2>
      {facts.selection.model !== null && (
        <div className="stack stack-tight muted small inspector-pin">
          <Definition of="pins">Pin</Definition>
          <PinControl model={facts.selection.model} layer={layer} expert={expert} />
        </div>
      )}
      {profile === undefined ? (
        <p className="muted">
          {task === null ? 'No task is in focus.' : `${task.title} is not profiled with this model yet.`}
        </p>
      ) : (
        <>
          <p className="muted">{task?.title}, calibration items</p>
          <FactList
            facts={[
              ...routingMetrics.map((name) =>
                fact(name, formatMetric(name, metricMatrix(profile, name)[layer]?.[expert] ?? 0)),
              ),
              fact(
                'tokensRouted',
                `${formatCount(profile.counts[layer]?.[expert] ?? 0)} of ${formatCount(profile.tokens)}`,
              ),
              fact('rank', `${rankInLayer(row, expert)} of ${row.length}`),
              fact('shareOfLayer', formatPercent(sum > 0 ? (row[expert] ?? 0) / sum : 0, 2)),
              fact(
                'effectiveExperts',
                formatFixed(effectiveExperts(profile.counts[layer] ?? []), 2),
                'Layer’s effective experts',
              ),
              plainFact('Current plan', fate && <strong>{describeFate(fate)}</strong>),
            ]}
          />
          <FateTable layer={layer} expert={expert} />
        </>
      )}
      {isUsable(model) && task !== null && task.error === null && (
        <>
          <ExpertDamage model={model} task={task} layer={layer} expert={expert} />
          {profile !== undefined && <ExpertDepth model={model} task={task} layer={layer} expert={expert} />}
        </>
      )}
    </section>
  );
};

/**
 * Largest number of matrix entries (over all layers) for which clustering is fast; above, plans of merging methods take
 * tens of seconds and are made only on request.
 */
const MOST_CLUSTERED = 4e6;

const FateTable = (subject: ExpertPosition) => {
  const facts = useFacts();
  const ticked = useStore(sweepStore, (state) => state.methods);
  const [asked, ask] = useState<PathHandle | null>(null);
  const info = selectedModel(facts)?.info;
  if (info === null || info === undefined) return null;
  const { method: current } = facts.selection;
  const shown = facts.methods.filter(
    ({ name, needs }) => needs !== 'search' && (name === current || ticked.includes(name)),
  );
  const isAsked = asked === facts.selection.model || info.moeLayers * info.experts ** 2 <= MOST_CLUSTERED;
  const methods = shown.filter(({ kind }) => kind === 'drop' || isAsked).map(({ name }) => name);
  const factors = standardFactors(info).filter((factor) => factor > 1);
  return (
    <div>
      <h3>
        <Definition of="fate" />
      </h3>
      <table className="plain-table fate-table">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Method</span>
            </th>
            {factors.map((factor) => (
              <th key={factor} scope="col">
                {formatFactor(factor)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {methods.map((method) => (
            <tr key={method}>
              <th scope="row">{methodTitle(method)}</th>
              {factors.map((factor) => (
                <FateCell key={factor} {...subject} method={method} factor={factor} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {methods.length < shown.length && (
        <Button onClick={() => ask(facts.selection.model)}>Also show merging methods</Button>
      )}
    </div>
  );
};

const FateCell = (props: ExpertPosition & { readonly method: MethodName; readonly factor: number }) => {
  const { layer, expert, method, factor } = props;
  const facts = useFacts();
  const info = selectedModel(facts)?.info ?? null;
  const { method: shownMethod, factor: shownFactor } = facts.selection;
  const { data, error } = useQuery('plan.make', planInputBy(facts, { method, factor }));
  const experts = info?.experts ?? 0;
  const fate = data === undefined ? undefined : expertFates(data.plan, experts)[layer]?.[expert];
  const current =
    info !== null &&
    shownImport(facts) === null &&
    method === shownMethod &&
    keptAtFactor(info, factor) === keptAtFactor(info, shownFactor);
  if (fate === undefined) {
    return (
      <td className="muted" title={error?.message}>
        ·
      </td>
    );
  }
  return (
    <td className={current ? 'fate-current' : undefined} title={describeFate(fate)}>
      <span className="visually-hidden">{describeFate(fate)}</span>
      <span aria-hidden="true">
        {fate.kind === 'dropped' ? <span className="fate-dropped" /> : fate.kind === 'merged' ? `→ ${fate.into}` : '●'}
      </span>
    </td>
  );
};
