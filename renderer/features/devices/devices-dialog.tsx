import { useState } from 'react';
import { useStore } from 'zustand';
import type { ProviderListing, ProviderName } from '../../../main/contract/device.ts';
import { Button } from '../../components/button.tsx';
import { FactList } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import type { DefinitionName } from '../../definitions/definitions.ts';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { deviceState, experience, operatorsText, probeFacts, stateWords } from '../../format/record-words.ts';
import type { ProbeFact } from '../../format/record-words.ts';
import { devicesStore } from '../../state/dialog-stores.ts';
import './devices.css';

/** Every device that could compute: what is there, what its probe found, and which one the next runs use. */
export const DevicesDialog = () => {
  const { open, show } = useStore(devicesStore);
  return open ? (
    <Dialog title="Devices" wide onClose={() => show(false)}>
      <Devices />
    </Dialog>
  ) : null;
};

const Devices = () => {
  const { data, error } = useQuery('devices.list', {});
  const { connected, jobs } = useFacts();
  const { busy, start } = useRequest();
  const [trying, setTrying] = useState<ProviderName | null>(null);
  const attempt = (provider: ProviderName, work: 'probe' | 'use'): void =>
    start(async ({ bridge, cache }) => {
      setTrying(provider);
      try {
        if (work === 'use') await bridge.call('devices.use', { provider });
        else await bridge.call('devices.probe', { provider, again: true });
      } finally {
        setTrying(null);
        cache.invalidate((name) => name === 'devices.list');
      }
    });
  return (
    <div className="devices">
      <p className="muted">
        What computes profiles and sweeps. A probe runs a small block in a process of its own and compares it with the
        processor; a device that fails is refused, never replaced in silence. Exports are always proven on the
        processor. What one device measured is not mixed with another: it is computed anew.
      </p>
      {error !== null && <Problem error={error} />}
      {data === undefined && error === null && <p className="muted">Looking which devices are there…</p>}
      {jobs.length > 0 && (
        <p className="muted">A run that is under way or waiting keeps the device it was started with.</p>
      )}
      <ul className="device-list" aria-label="Devices">
        {data?.map((listing) => (
          <Device
            key={listing.provider}
            listing={listing}
            trying={trying === listing.provider}
            disabled={busy || !connected}
            onProbe={() => attempt(listing.provider, 'probe')}
            onUse={() => attempt(listing.provider, 'use')}
          />
        ))}
      </ul>
      <p className="muted">
        The choice lasts until the engine ends; Settings keep the device that it begins with. In a terminal:{' '}
        <code>uncurl doctor --probe</code>
      </p>
    </div>
  );
};

interface DeviceProps {
  readonly listing: ProviderListing;
  readonly trying: boolean;
  readonly disabled: boolean;
  readonly onProbe: () => void;
  readonly onUse: () => void;
}

const terms: Readonly<Record<ProbeFact['key'], DefinitionName>> = {
  device: 'deviceName',
  deviation: 'deviceDeviation',
  precision: 'devicePrecision',
  nodes: 'nodesOnCpu',
  time: 'blockTime',
};

const Device = ({ listing, trying, disabled, onProbe, onUse }: DeviceProps) => {
  const { provider, title, present, note, command, used, probe } = listing;
  const state = deviceState(listing);
  const facts = probe === null ? [] : probeFacts(probe);
  const refusal = probe !== null && !probe.available && present ? (probe.reason ?? 'Its probe failed.') : null;
  const operators = probe === null ? null : operatorsText(probe);
  const untested = present ? experience[provider] : null;
  return (
    <li className={`device device-${state}`} aria-label={title}>
      <div className="device-head">
        <h3>{title}</h3>
        <span className={`device-state device-state-${state}`}>{stateWords[state]}</span>
        {present && (
          <div className="device-tools">
            {!used && (
              <Button
                className="button-small"
                disabled={disabled || probe?.available === false}
                title="The next profiles and sweeps are computed with it"
                onClick={onUse}
              >
                Use for next runs
              </Button>
            )}
            <Button
              className="button-small"
              disabled={disabled}
              onClick={onProbe}
              aria-label={`${probe === null ? 'Probe' : 'Probe again'}: ${title}`}
            >
              {probe === null ? 'Probe' : 'Probe again'}
            </Button>
          </div>
        )}
      </div>
      {trying && (
        <div className="device-trying" role="status">
          <div className="progress device-progress" aria-hidden="true">
            <div />
          </div>
          <span>Trying {title} in a process of its own…</span>
        </div>
      )}
      {refusal !== null && <Problem error={{ message: refusal, remedy: '' }} />}
      {facts.length > 0 && (
        <FactList facts={facts.map(({ key, value }) => ({ key, term: <Definition of={terms[key]} />, value }))} />
      )}
      {operators !== null && (
        <p className="device-operators">
          <Definition of="operatorsOnCpu">On the processor</Definition>: {operators}
        </p>
      )}
      {facts.length === 0 && refusal === null && <p className="muted">{note}</p>}
      {command !== null && (
        <p className="device-command">
          <span className="muted">Fetch them with</span> <code>{command}</code>
        </p>
      )}
      {untested !== null && <p className="muted">{untested}</p>}
    </li>
  );
};
