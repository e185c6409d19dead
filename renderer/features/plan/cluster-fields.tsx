import { useId } from 'react';
import { useStore } from 'zustand';
import { Disclosure } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useDebounced } from '../../engine/use-settled.ts';
import { clusterStore, readClusterFields } from '../../state/cluster-store.ts';
import type { ClusterFields as Fields } from '../../state/cluster-store.ts';
import './cluster-fields.css';

interface FieldWords {
  readonly name: keyof Fields;
  readonly label: string;
  /** Placeholder: an example, or the default. */
  readonly hint: string;
  readonly title: string;
}

/** sbatch options. */
const words: readonly FieldWords[] = [
  { name: 'partition', label: 'Partition', hint: 'default', title: 'sbatch --partition' },
  { name: 'workers', label: 'Workers', hint: '1', title: 'Tasks of the array: sbatch --array' },
  { name: 'gres', label: 'Resources', hint: 'gpu:a100:1', title: 'For each worker: sbatch --gres' },
  { name: 'constraint', label: 'Constraint', hint: 'none', title: 'Required node features: sbatch --constraint' },
  { name: 'processors', label: 'Processors', hint: 'default', title: 'For each worker: sbatch --cpus-per-task' },
  { name: 'memory', label: 'Memory', hint: '64G', title: 'For each worker: sbatch --mem' },
  { name: 'time', label: 'Time limit', hint: '04:00:00', title: 'For each worker: sbatch --time' },
  { name: 'host', label: 'Over ssh to', hint: 'this machine', title: 'A cluster machine, reached by your ssh' },
];

/** Slurm settings of the next submission, and a preview of its batch script. */
export const ClusterFields = () => {
  const { fields, type } = useStore(clusterStore);
  const id = useId();
  const parsed = readClusterFields(fields);
  const wrong = new Map(parsed.success ? [] : parsed.error.issues.map(({ path, message }) => [path[0], message]));
  return (
    <div className="cluster-fields" role="group" aria-label="Cluster">
      {words.map(({ name, label, hint, title }) => (
        <div key={name} className="field field-stacked">
          <label htmlFor={`${id}-${name}`}>
            <Tooltip className="definition" content={title}>
              {label}
            </Tooltip>
          </label>
          <input
            id={`${id}-${name}`}
            className="input"
            value={fields[name]}
            placeholder={hint}
            spellCheck={false}
            autoComplete="off"
            aria-invalid={wrong.has(name)}
            aria-describedby={wrong.has(name) ? `${id}-${name}-wrong` : undefined}
            onChange={(event) => type(name, event.target.value)}
          />
          {wrong.has(name) && (
            <span id={`${id}-${name}-wrong`} className="field-wrong">
              {wrong.get(name)}
            </span>
          )}
        </div>
      ))}
      <div className="field field-stacked cluster-wide">
        <label htmlFor={`${id}-setup`}>Setup, one shell command per line</label>
        <textarea
          id={`${id}-setup`}
          className="input"
          rows={2}
          value={fields.setup}
          placeholder="module load nodejs"
          spellCheck={false}
          onChange={(event) => type('setup', event.target.value)}
        />
      </div>
      <div className="field field-stacked cluster-wide">
        <label htmlFor={`${id}-command`}>Command that starts uncurl on a node</label>
        <input
          id={`${id}-command`}
          className="input"
          value={fields.command}
          placeholder="same as here"
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => type('command', event.target.value)}
        />
      </div>
      <div className="cluster-wide">
        <Disclosure summary="Batch script">
          <ScriptPreview />
        </Disclosure>
      </div>
    </div>
  );
};

/** Typing counts as finished after this time. */
const SETTLE_MS = 250;

const ScriptPreview = () => {
  const { fields } = useStore(clusterStore);
  const parsed = readClusterFields(useDebounced(fields, SETTLE_MS));
  const { data, error } = useQuery('cluster.script', parsed.success ? { request: parsed.data } : null);
  if (!parsed.success) return <p className="muted">One of the fields has an invalid value.</p>;
  if (error !== null) return <Problem error={error} />;
  return (
    <>
      <p className="muted">RUN stands for the name of the sweep. The script is stored with the run.</p>
      <pre className="text-box cluster-script" tabIndex={0} role="region" aria-label="Batch script">
        {data?.script ?? ''}
      </pre>
    </>
  );
};
