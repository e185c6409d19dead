import { useStore } from 'zustand';
import { LARGEST_MARGIN, SMALLEST_MARGIN } from '../../../main/contract/bounds.ts';
import {
  type SettingsDocument,
  type StartSettings,
  waitsForStart,
  type SettingsChange,
} from '../../../main/contract/settings.ts';
import { formatBytes, formatCount, formatMargin } from '../../../main/words/numbers.ts';
import { changeSettings, setTheme } from '../../actions/view.ts';
import { Button, RequestButton } from '../../components/button.tsx';
import { Segmented, Select, Checkbox } from '../../components/choices.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { inPointsOf, shareOfPoints } from '../../components/setting-field.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { settingsStore } from '../../state/dialog-stores.ts';
import { chooseFolder } from '../../state/file-choice.ts';
import { layoutStore } from '../../state/layout-store.ts';
import './settings.css';
import { useState, useId } from 'react';
import type { MethodName } from '../../../main/contract/plan.ts';
import { DEFAULT_DELTA } from '../../../main/contract/sweep.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { Disclosure } from '../../components/panel.tsx';
import { usualMethods } from '../../state/sweep-store.ts';

/** User settings for all workspaces, which the engine keeps in the file shown. */
export const SettingsDialog = () => {
  const { open, show } = useStore(settingsStore);
  return open ? (
    <Dialog title="Settings" onClose={() => show(false)}>
      <Settings />
    </Dialog>
  ) : null;
};

const Settings = () => {
  const { data, error } = useQuery('settings.read', {});
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <p className="muted dialog-body settings">Reading the settings…</p>;
  return (
    <div className="dialog-body settings">
      <Appearance />
      <NotificationSwitch isOn={data.settings.notifications} />
      <HubSwitch isAllowed={data.settings.hub !== 'never'} />
      <SweepDefaults document={data} />
      <Machine document={data} />
      <p className="muted settings-file">
        Stored in <span className="path">{data.file}</span>. Options on a command line take precedence.
      </p>
    </div>
  );
};

const Appearance = () => {
  const theme = useStore(layoutStore, (state) => state.theme);
  const { start } = useRequest();
  return (
    <div className="line setting">
      <span className="setting-name">Theme</span>
      <Segmented
        label="Theme"
        value={theme}
        options={[
          { value: 'system', label: 'System' },
          { value: 'light', label: 'Light' },
          { value: 'dark', label: 'Dark' },
        ]}
        onChange={(chosen) => start((engine) => setTheme(engine, chosen))}
      />
    </div>
  );
};

/** Forbids all contact with the Hub, whatever is named. */
const HubSwitch = ({ isAllowed }: { readonly isAllowed: boolean }) => {
  const { busy, start } = useRequest();
  return (
    <div className="line setting">
      <Checkbox
        checked={isAllowed}
        disabled={busy}
        onChange={(wanted) =>
          start((engine) => changeSettings(engine, { change: { hub: wanted ? 'when-asked' : 'never' } }))
        }
      >
        Ask the Hugging Face Hub when I search or name a model that is not on this machine
      </Checkbox>
    </div>
  );
};

const SweepDefaults = ({ document: { settings } }: { readonly document: SettingsDocument }) => (
  <>
    <NumberSetting
      label="Margin δ of the next sweep (points)"
      value={settings.delta === null ? null : inPointsOf(settings.delta)}
      usual={formatMargin(DEFAULT_DELTA)}
      limits={{ least: inPointsOf(SMALLEST_MARGIN), most: inPointsOf(LARGEST_MARGIN) }}
      write={(points) => ({ delta: points === null ? null : shareOfPoints(points) })}
    />
    <DefaultMethods chosen={settings.methods} />
  </>
);

const BYTES_PER_GIGABYTE = 1e9;
const MOST_THREADS = 1024;
const MOST_GIGABYTES = 100_000;

/** Settings that the engine reads when it starts. */
const Machine = ({ document }: { readonly document: SettingsDocument }) => {
  const { settings, inUse, usual } = document;
  const waits = waitsForStart(document);
  const later = (key: keyof StartSettings, now: string) =>
    waits.includes(key)
      ? `This engine uses ${now}: the setting applies from its next start on, unless the command line overrides it.`
      : null;
  return (
    <>
      <NumberSetting
        label="Threads"
        value={settings.threads}
        usual={`${formatCount(usual.threads)}, one per core`}
        limits={{ least: 1, most: MOST_THREADS, whole: true }}
        write={(threads) => ({ threads })}
        note={later('threads', formatCount(inUse.threads))}
      />
      <NumberSetting
        label="Memory for weights, GB"
        value={settings.memoryBudgetBytes === null ? null : settings.memoryBudgetBytes / BYTES_PER_GIGABYTE}
        usual={`${formatBytes(usual.memoryBudgetBytes)} (60 %)`}
        limits={{ least: 0.001, most: MOST_GIGABYTES }}
        write={(gigabytes) => ({ memoryBudgetBytes: gigabytes === null ? null : gigabytes * BYTES_PER_GIGABYTE })}
        note={later('memoryBudgetBytes', formatBytes(inUse.memoryBudgetBytes))}
      />
      <DeviceSetting document={document} note={later('device', inUse.device.toUpperCase())} />
      <WorkspaceSetting document={document} note={later('workspace', inUse.workspace)} />
    </>
  );
};

interface StartSettingProps {
  readonly document: SettingsDocument;
  readonly note: string | null;
}

const DeviceSetting = ({ document: { settings, usual }, note }: StartSettingProps) => {
  const devices = useQuery('devices.list', {}).data ?? [];
  const { start } = useRequest();
  const offered = devices.filter(({ present, provider }) => present || provider === settings.device);
  return (
    <div className="line setting">
      <Select
        label={<span className="setting-name">Device at start</span>}
        value={settings.device ?? usual.device}
        options={offered.map(({ provider, title }) => ({ value: provider, label: title }))}
        onChange={(device) =>
          start((engine) => changeSettings(engine, { change: { device: device === usual.device ? null : device } }))
        }
      />
      {note !== null && <p className="setting-note">{note}</p>}
    </div>
  );
};

const WorkspaceSetting = ({ document: { settings, usual }, note }: StartSettingProps) => (
  <div className="line setting">
    <span className="setting-name">Workspace</span>
    <span className="path setting-path">{settings.workspace ?? `${usual.workspace} (default)`}</span>
    <RequestButton
      small
      ask={async (engine) => {
        settingsStore.getState().show(false);
        const folder = await chooseFolder(engine.bridge, 'workspace');
        settingsStore.getState().show(true);
        if (folder !== null) await changeSettings(engine, { change: {}, workspace: folder.handle });
      }}
    >
      Choose…
    </RequestButton>
    {settings.workspace !== null && (
      <RequestButton look="quiet" small ask={(engine) => changeSettings(engine, { change: {}, workspace: null })}>
        Use default
      </RequestButton>
    )}
    {note !== null && <p className="setting-note">{note}</p>}
  </div>
);

/** Switches system notifications for long jobs; the click that enables it also requests the permission. */
const NotificationSwitch = ({ isOn }: { readonly isOn: boolean }) => {
  const { busy, start } = useRequest();
  const [refused, setRefused] = useState(false);
  return (
    <div className="line setting">
      <Checkbox
        checked={isOn}
        disabled={busy}
        onChange={(wanted) =>
          start(async (engine) => {
            const isAllowed = !wanted || (await Notification.requestPermission()) === 'granted';
            setRefused(!isAllowed);
            if (isAllowed) await changeSettings(engine, { change: { notifications: wanted } });
          })
        }
      >
        Notify me when a job of over 30 seconds ends while the window is hidden
      </Checkbox>
      {refused && (
        <p className="setting-note" role="alert">
          Notifications are blocked for this page: allow them in the browser’s site settings.
        </p>
      )}
    </div>
  );
};

/** Methods ticked for the next sweep; null: the defaults. */
const DefaultMethods = ({ chosen }: { readonly chosen: readonly MethodName[] | null }) => {
  const pages = useQuery('methods.list', {}).data ?? [];
  const { busy, start } = useRequest();
  const ticked = chosen ?? usualMethods;
  const keep = (methods: readonly MethodName[] | null): void =>
    start((engine) => changeSettings(engine, { change: { methods: methods === null ? null : [...methods] } }));
  return (
    <Disclosure summary={`Methods of the next sweep: ${ticked.map(methodTitle).join(', ')}`}>
      <div className="setting-methods" role="group" aria-label="Methods of the next sweep">
        {pages.map(({ name }) => (
          <Checkbox
            key={name}
            checked={ticked.includes(name)}
            disabled={busy || (ticked.length === 1 && ticked.includes(name))}
            onChange={(isTicked) => keep(isTicked ? [...ticked, name] : ticked.filter((known) => known !== name))}
          >
            {methodTitle(name)}
          </Checkbox>
        ))}
      </div>
      {chosen !== null && (
        <Button look="quiet" small disabled={busy} onClick={() => keep(null)}>
          Use defaults
        </Button>
      )}
    </Disclosure>
  );
};

interface Limits {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
}

interface NumberSettingProps {
  readonly label: string;
  /** Null: the default. */
  readonly value: number | null;
  /** The default, in effect while the field is empty. */
  readonly usual: string;
  readonly limits: Limits;
  readonly write: (value: number | null) => Omit<SettingsChange, 'workspace'>;
  readonly note?: string | null;
}

/** Parses the input: a number within the limits, null if empty, undefined if invalid. */
export const typedNumber = (typed: string, { least, most, whole = false }: Limits): number | null | undefined => {
  if (typed.trim() === '') return null;
  const value = Number(typed);
  const isFit = Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isInteger(value));
  return isFit ? value : undefined;
};

/** A number that is saved on blur or Enter; an empty field means the default. */
const NumberSetting = ({ label, value, usual, limits, write, note = null }: NumberSettingProps) => {
  const id = useId();
  const { start } = useRequest();
  const [typed, setTyped] = useState(value === null ? '' : String(value));
  const read = typedNumber(typed, limits);
  const keep = (): void => {
    if (read !== undefined && read !== value) start((engine) => changeSettings(engine, { change: write(read) }));
  };
  return (
    <div className="line setting">
      <label className="setting-name" htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        className="input input-number"
        inputMode="decimal"
        aria-invalid={read === undefined}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={keep}
        onKeyDown={(event) => {
          if (event.key === 'Enter') keep();
        }}
      />
      <span className="muted">
        {read === undefined ? `from ${limits.least} to ${limits.most}` : read === null ? `default: ${usual}` : ''}
      </span>
      {note !== null && <p className="setting-note">{note}</p>}
    </div>
  );
};
