import { type ReactNode, useState } from 'react';
import { useStore } from 'zustand';
import {
  describedEngineSettings,
  type ProviderListing,
  type ProviderName,
  type PythonEnvironment,
  TORCH_DEVICES,
  torchDevice,
  torchPrecision,
  type TorchPrecision,
} from '../../../main/contract/device.ts';
import { settingsOf } from '../../../main/contract/setting.ts';
import { ENVIRONMENT_SIZE, engineText, torchFacts } from '../../../main/words/devices.ts';
import { Button } from '../../components/button.tsx';
import { Select } from '../../components/choices.tsx';
import { fact, FactList } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { SettingLabel } from '../../components/setting-field.tsx';
import type { DefinitionName } from '../../definitions/definitions.ts';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import type { ProbeFact } from '../../format/record-words.ts';
import { deviceState, experience, operatorsText, probeFacts, stateWords } from '../../format/record-words.ts';
import { devicesStore } from '../../state/dialog-stores.ts';
import { choosePython } from '../../state/file-choice.ts';
import './devices.css';

/** All devices: whether each is present, the result of its probe, and which one the next runs use. */
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
    <div className="dialog-body devices">
      <p className="muted">
        Profiles and sweeps are computed on the device in use. A probe runs a small block in a separate process and
        compares it with the processor; a device that fails is refused, never silently replaced. Exports are always
        verified on the processor. Results of different devices are never mixed: they are computed again.
      </p>
      {error !== null && <Problem error={error} />}
      {data === undefined && error === null && <p className="muted">Looking for devices…</p>}
      {jobs.length > 0 && <p className="muted">Running and waiting runs keep the device they were started with.</p>}
      <ul className="rows stack" aria-label="Devices">
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
        <PyTorch disabled={!connected} />
      </ul>
      <p className="muted">
        The choice lasts until the engine stops; Settings determine the device at its start. In a terminal:{' '}
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
        <span className={`badge ${stateBadges[state]}`}>{stateWords[state]}</span>
        {present && (
          <div className="device-tools">
            {!used && (
              <Button
                small
                disabled={disabled || probe?.available === false}
                title="Compute the next profiles and sweeps on this device"
                onClick={onUse}
              >
                Use for next runs
              </Button>
            )}
            <Button
              small
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
        <Trying>
          <span>Testing {title} in a separate process…</span>
        </Trying>
      )}
      {refusal !== null && <Problem error={{ message: refusal, remedy: '' }} />}
      {facts.length > 0 && <FactList facts={facts.map(({ key, value }) => fact(terms[key], value))} />}
      {operators !== null && (
        <p className="muted small">
          <Definition of="operatorsOnCpu">On the processor</Definition>: {operators}
        </p>
      )}
      {facts.length === 0 && refusal === null && <p className="muted">{note}</p>}
      {command !== null && (
        <p className="device-command">
          <span className="muted">Install with</span> <code>{command}</code>
        </p>
      )}
      {untested !== null && <p className="muted">{untested}</p>}
    </li>
  );
};

const stateBadges: Readonly<Record<ReturnType<typeof deviceState>, string>> = {
  used: 'badge-used',
  works: 'badge-done',
  untried: '',
  refused: 'badge-notice',
  absent: '',
};

/** Work whose end is not known. */
const Trying = ({ children }: { readonly children: ReactNode }) => (
  <div className="line muted small" role="status">
    <div className="progress device-progress" aria-hidden="true">
      <div />
    </div>
    {children}
  </div>
);

const settingNamed = (name: string) => settingsOf(describedEngineSettings).find((setting) => setting.name === name);
const [pythonSetting, precisionSetting] = [settingNamed('python'), settingNamed('precision')];

/** The other engine: a Python, a precision and a device for the next runs. */
const PyTorch = ({ disabled }: { readonly disabled: boolean }) => {
  const facts = useQuery('engine.facts', {}).data;
  const environment = useQuery('python.environment', {}).data;
  const { busy, problem, start } = useRequest('here');
  const [python, setPython] = useState<Awaited<ReturnType<typeof choosePython>>>(null);
  const [precision, setPrecision] = useState<TorchPrecision>('float32');
  const [device, setDevice] = useState('cpu');
  const isUsed = facts?.device.engine !== undefined;
  const isDevice = torchDevice.safeParse(device).success;
  const hasOwn = environment !== undefined && environment.versions !== null;
  const chosen = python?.handle ?? null;
  const canUse = python !== null || hasOwn;
  const found = useQuery('python.look', canUse ? { python: chosen } : null);
  return (
    <li className={`device device-${isUsed ? 'used' : 'untried'}`} aria-label="PyTorch">
      <div className="device-head">
        <h3>PyTorch</h3>
        {isUsed && <span className={`badge ${stateBadges.used}`}>{stateWords.used}</span>}
        <div className="device-tools">
          <Button
            small
            disabled={disabled || busy || !canUse || !isDevice}
            title="Compute the next profiles and sweeps with PyTorch"
            onClick={() =>
              start(async ({ bridge, cache }) => {
                await bridge.call('devices.use', { torch: { python: chosen, precision, device } });
                cache.invalidate((name) => name === 'devices.list');
              })
            }
          >
            {busy ? 'Starting PyTorch…' : 'Use for next runs'}
          </Button>
        </div>
      </div>
      <div className="line">
        {pythonSetting !== undefined && <SettingLabel setting={pythonSetting} />}
        <code>
          {python !== null ? (python.path ?? 'the chosen program') : hasOwn ? 'the workspace’s own' : 'none chosen'}
        </code>
        {python !== null && hasOwn && (
          <Button small disabled={busy} onClick={() => setPython(null)}>
            Use the workspace’s
          </Button>
        )}
        <Button
          small
          icon="file"
          disabled={busy}
          aria-label="Choose a Python with PyTorch"
          onClick={() =>
            start(async ({ bridge }) => {
              const taken = await choosePython(bridge);
              if (taken !== null) setPython(taken);
            })
          }
        >
          Choose…
        </Button>
        <Select
          label={precisionSetting === undefined ? 'Precision' : <SettingLabel setting={precisionSetting} />}
          value={precision}
          options={torchPrecision.options.map((value) => ({ value, label: value }))}
          disabled={busy}
          onChange={(value) => setPrecision(torchPrecision.parse(value))}
        />
        <label>
          Device{' '}
          <input
            type="text"
            className="input"
            size={14}
            value={device}
            aria-invalid={!isDevice}
            title={TORCH_DEVICES}
            disabled={busy}
            onChange={({ target }) => setDevice(target.value)}
          />
        </label>
      </div>
      {environment !== undefined && python === null && !hasOwn && (
        <MakeEnvironment environment={environment} disabled={disabled} />
      )}
      {problem !== null && <Problem error={problem} />}
      {found.error !== null && <Problem error={found.error} />}
      {canUse && found.loading && (
        <p className="muted" role="status">
          Asking PyTorch what it finds…
        </p>
      )}
      {found.data !== undefined && <FactList facts={torchFacts(found.data)} />}
      <p className="muted">
        {facts !== undefined && isUsed ? `In use: ${engineText(facts)}. ` : ''}
        Sweeps and profiles by transformers’ own classes in your Python. Device: cpu, a card (cuda:0), several, each
        with the whole model (cuda:0,cuda:1), or all cards with one model (auto). Not tried on a card. Not every method
        works; what does not is refused by name.
      </p>
    </li>
  );
};

/** Makes the workspace's environment, with its progress, or says why it failed. */
const MakeEnvironment = ({
  environment: { making, problem },
  disabled,
}: {
  readonly environment: PythonEnvironment;
  readonly disabled: boolean;
}) => {
  const { busy, problem: refused, start } = useRequest('here');
  const ask = (name: 'python.make' | 'python.cancel'): void =>
    start(async ({ bridge, cache }) => {
      await bridge.call(name, {});
      cache.invalidate((each) => each === 'python.environment');
    });
  const shown = refused ?? problem;
  return (
    <>
      {making === null ? (
        <div className="line">
          <Button small disabled={disabled || busy} onClick={() => ask('python.make')}>
            {problem === null ? 'Make an environment' : 'Try again'}
          </Button>
          <span className="muted">
            PyTorch and transformers from PyPI, into a folder of this workspace, once: some minutes; {ENVIRONMENT_SIZE}.
          </span>
        </div>
      ) : (
        <Trying>
          <span className="device-line ellipsis">{making}</span>
          <Button small disabled={busy} onClick={() => ask('python.cancel')}>
            Cancel
          </Button>
        </Trying>
      )}
      {shown !== null && <Problem error={shown} />}
    </>
  );
};
