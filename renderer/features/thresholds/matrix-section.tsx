import type { SizeThreshold } from '../../../main/contract/size-trend.ts';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { sizeTrendChart } from './family-figure.ts';
import { thresholdColumns, thresholdRow } from './family-rows.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './section-props.ts';
import { ThresholdMatrix } from './threshold-matrix.tsx';

interface MatrixSectionProps extends SectionProps {
  readonly isSelected: (threshold: SizeThreshold) => boolean;
}

const TITLE = 'Thresholds';

/** Models by tasks, a table per method: how far each can be pruned. */
export const MatrixSection = ({
  manifest,
  family,
  shown,
  tasks,
  known,
  theme,
  isSelected,
  onSelect,
}: MatrixSectionProps) => (
  <section aria-label={TITLE}>
    <div className="section-head">
      <h3>
        <Definition of="threshold">How far can each model be pruned?</Definition>
      </h3>
      <div className="section-end">
        <SaveFigure
          suggestedName={`thresholds-${manifest.id}`}
          picture={false}
          figure={() =>
            sizeTrendChart({
              kind: 'uncurl-thresholds',
              title: TITLE,
              caption: '',
              manifest,
              family,
              methods: family.methods,
              shown,
              charts: [],
              columns: thresholdColumns,
              rows: family.thresholds.map(thresholdRow),
              theme,
            })
          }
        />
      </div>
    </div>
    <Findings findings={family.findings} chart="thresholds" />
    <p className="chart-caption">
      Bold: the threshold. Below it the <Definition of="bracket">bracket</Definition> [last safe, first unsafe); between
      the two nothing was tested. ≥ every tested factor is safe. &lt; no tested factor is safe. ? cannot be told: too
      few items, and how many it would take.
    </p>
    <div className={family.models.length > 4 ? 'matrices matrices-wide' : 'matrices'}>
      {shown.map((method) => (
        <ThresholdMatrix
          key={method}
          family={family}
          method={method}
          tasks={tasks}
          known={known}
          isSelected={isSelected}
          onSelect={onSelect}
        />
      ))}
    </div>
  </section>
);
