import type { TaskProfile } from '../../main/contract/profile.ts';
import {
  counted,
  formatCount,
  formatDifferenceInUnit,
  formatParameters,
  formatPercent,
} from '../../main/words/numbers.ts';
import type { Cell } from '../charts/heatmap-geometry.ts';
import { Button, IconButton } from '../components/button.tsx';
import { fact, FactList, plainFact } from '../components/data-table.tsx';
import { focusedTask, isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import { goes, type ExpertFate } from '../plan/expert-fates.ts';
import { selectionStore } from '../state/selection-store.ts';
import { pivotOf } from './area-pivot.ts';
import { areaDamage, useDamage } from './damage-runs.ts';

interface AreaPanelProps {
  readonly profile: TaskProfile;
  /** The experts of the area, in original numbers. */
  readonly cells: readonly Cell[];
  readonly fates: readonly (readonly ExpertFate[])[] | undefined;
  readonly onClose: () => void;
}

const range = (fewest: number, most: number): string =>
  fewest === most ? formatCount(fewest) : `${formatCount(fewest)} to ${formatCount(most)}`;

/** The experts of a drawn area: their part in the task on screen, and the choices that go with them. */
export const AreaPanel = ({ profile, cells, fates, onClose }: AreaPanelProps) => {
  const facts = useFacts();
  const [model, task] = [selectedModel(facts), focusedTask(facts)];
  const damage = areaDamage(cells, useDamage(model, task, [...new Set(cells.map(({ layer }) => layer))]));
  const { experts, layers, choices, share, shareOfLayers, outputShare, tokens } = pivotOf(profile, cells);
  const gone = cells.filter(({ layer, expert }) => goes(fates?.[layer]?.[expert])).length;
  const info = isUsable(model) ? model.info : null;
  const parts = info === null ? 0 : experts / Math.max(1, info.moeLayers * info.experts);
  const { pinAll } = selectionStore.getState();
  return (
    <section className="area-panel" aria-label="Experts of the area">
      <div className="area-head">
        <strong>
          {counted(experts, 'expert')} in {counted(layers, 'layer')}
        </strong>
        <IconButton icon="close" label="Close the area" onClick={onClose} />
      </div>
      <FactList
        className="terms area-numbers number"
        facts={[
          fact(
            'share',
            `${formatCount(choices)}: ${formatPercent(share, 1)} of all, ` +
              `${formatPercent(shareOfLayers, 1)} of their layers`,
            'Choices',
          ),
          plainFact(
            'Tokens that choose one of them',
            `${range(tokens.fewest, tokens.most)} of ${formatCount(tokens.of)}`,
          ),
          plainFact('Gated output of their layers', formatPercent(outputShare, 1)),
          plainFact(
            'Removing them',
            `drops ${formatPercent(share, 1)} of the choices` +
              (info === null ? '' : ` for ${formatParameters(parts * info.parameters.expert)} parameters`) +
              `; the plan removes ${formatCount(gone)} of them`,
          ),
          fact(
            'damageAlone',
            damage === null
              ? 'not measured: the panel Expert measures each one alone'
              : `${formatDifferenceInUnit(damage.worst.difference, damage.metric)} at worst, each alone (` +
                  `${formatCount(damage.measured)} of ${formatCount(experts)} measured); together: not measured`,
            'Loss without them',
          ),
        ]}
      />
      {model !== null && (
        <div className="card-actions">
          <Button small onClick={() => pinAll(model.handle, cells, false)}>
            Pin: must go
          </Button>
          <Button small onClick={() => pinAll(model.handle, cells, true)}>
            Pin: must stay
          </Button>
          <Button look="quiet" small onClick={() => pinAll(model.handle, cells, null)}>
            Remove pins
          </Button>
        </div>
      )}
    </section>
  );
};
