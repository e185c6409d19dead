import { useStore } from 'zustand';
import { clusterRequest } from '../../../main/contract/cluster.ts';
import { settingsOf } from '../../../main/contract/setting.ts';
import { Disclosure } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { SettingField } from '../../components/setting-field.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useDebounced } from '../../engine/use-settled.ts';
import { clusterStore } from '../../state/cluster-store.ts';
import './cluster-fields.css';

const settings = settingsOf(clusterRequest);

/** Fields that hold shell lines. */
const WIDE = ['setup', 'command'];

/** Slurm settings of the next submission, and a preview of its batch script. */
export const ClusterFields = () => {
  const { request, choose } = useStore(clusterStore);
  return (
    <div className="cluster-fields" role="group" aria-label="Cluster">
      {settings.map((setting) => (
        <div key={setting.name} className={WIDE.includes(setting.name) ? 'cluster-wide' : undefined}>
          <SettingField
            stacked
            setting={setting}
            value={request[setting.name]}
            onChange={(value) => choose(setting.name, value)}
            onRefused={(value) => choose(setting.name, value)}
          />
        </div>
      ))}
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
  const request = useStore(clusterStore, (state) => state.request);
  const parsed = clusterRequest.safeParse(useDebounced(request, SETTLE_MS));
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
