import { useState } from 'react';
import { changeSettings } from '../../actions/settings.ts';
import { Checkbox } from '../../components/choices.tsx';
import { useRequest } from '../../engine/engine-context.tsx';

/** Whether the end of a long job is told by the system; the system is asked by the click that switches it on. */
export const NotificationSwitch = ({ isOn }: { readonly isOn: boolean }) => {
  const { busy, start } = useRequest();
  const [refused, setRefused] = useState(false);
  return (
    <div className="setting">
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
        Tell the end of a job over 30 seconds while the window is out of sight
      </Checkbox>
      {refused && (
        <p className="setting-note" role="alert">
          Notifications are refused for this page: allow them in the browser’s settings of the site.
        </p>
      )}
    </div>
  );
};
