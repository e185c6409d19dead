import { useEffect } from 'react';
import { layoutStore, NARROW_PX, ROOMY_PX } from '../state/layout-store.ts';

/** Follows one panel over the width below which it stands over the view (layout.css): there it is closed at first. */
const followed = (
  widest: number,
  isOpen: () => boolean,
  toggle: () => void,
  setOverlaid: (isOverlaid: boolean) => void,
): (() => void) => {
  const query = window.matchMedia(`(max-width: ${widest}px)`);
  let wasOpen = false;
  const onChange = (): void => {
    const { matches } = query;
    setOverlaid(matches);
    if (matches) wasOpen = isOpen();
    if (wasOpen && matches === isOpen()) toggle();
  };
  setOverlaid(query.matches);
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
};

/**
 * A window that becomes too narrow for a panel beside the view, or a page that is zoomed, does not come to be covered
 * by it: the panel closes, and opens again where there is room again.
 */
export const useOverlays = (): void => {
  useEffect(() => {
    const state = layoutStore.getState;
    const { toggleSidebar, toggleInspector, overlay } = state();
    const stops = [
      followed(
        NARROW_PX,
        () => state().sidebarOpen,
        toggleSidebar,
        (sidebar) => overlay({ sidebar }),
      ),
      followed(
        ROOMY_PX,
        () => state().inspectorOpen,
        toggleInspector,
        (inspector) => overlay({ inspector }),
      ),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
};
