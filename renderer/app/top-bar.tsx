import { useStore } from 'zustand';
import { setTheme } from '../actions/settings.ts';
import { isMac, showShortcut } from '../actions/shortcut.ts';
import { Icon, IconButton } from '../components/button.tsx';
import { useRequest } from '../engine/engine-context.tsx';
import { layoutStore } from '../state/layout-store.ts';
import { neighbour } from '../state/selection-store.ts';
import { views } from './views.tsx';

const viewNames = views.map(({ name }) => name);

export const TopBar = () => {
  const { view, show, theme, sidebarOpen, inspectorOpen, toggleSidebar, toggleInspector, openPalette } =
    useStore(layoutStore);
  const { start } = useRequest();
  const isWide = views.find(({ name }) => name === view)?.isWide === true;
  const next = theme === 'system' ? 'light' : theme === 'light' ? 'dark' : 'system';
  return (
    <div className="top-bar">
      <div className="top-bar-side">
        <IconButton
          icon="sidebar"
          label="Show or hide the sidebar"
          aria-pressed={sidebarOpen && !isWide}
          disabled={isWide}
          onClick={toggleSidebar}
        />
        <h1>Uncurl Workbench</h1>
      </div>
      <div className="tabs" role="tablist" aria-label="Views">
        {views.map(({ name, title }) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={name === view}
            aria-controls="view-panel"
            tabIndex={name === view ? 0 : -1}
            onClick={() => show(name)}
            onKeyDown={(event) => {
              const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
              const target = step === 0 ? null : neighbour(viewNames, name, step);
              if (target === null) return;
              show(target);
              document.getElementById(`tab-${target}`)?.focus();
            }}
          >
            {title}
          </button>
        ))}
      </div>
      <div className="top-bar-side top-bar-end">
        <button type="button" className="palette-button" onClick={() => openPalette(true)}>
          <Icon name="search" />
          <span>Commands</span>
          <kbd>{showShortcut('Mod+K', isMac)}</kbd>
        </button>
        <IconButton
          icon="sun"
          label={`Theme: ${theme}. Change to ${next}`}
          onClick={() => start((engine) => setTheme(engine, next))}
        />
        <IconButton
          icon="inspector"
          label="Show or hide the inspector"
          aria-pressed={inspectorOpen}
          onClick={toggleInspector}
        />
      </div>
    </div>
  );
};
