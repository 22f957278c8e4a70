import { useState } from 'react';
import { clusterAction } from '../api/agent';
import { Dialog } from '../components/Dialog';
import { NumberField } from '../components/NumberField';
import { Command } from '../components/parts';
import { useI18n } from '../i18n';
import { addCommand } from '../kinds/clusters';

const LEAST = 1;
const MOST = 1000;

/** Asks how many nodes a cluster shall get, and whether they are machines. */
export function AddNodesDialog({ cluster }: { cluster: string }) {
  const { t } = useI18n();
  const [count, setCount] = useState(1);
  const [simulated, setSimulated] = useState(false);
  const wrong = !Number.isInteger(count) || count < LEAST || count > MOST;
  return (
    <Dialog
      title={t('node.add')}
      confirm={{
        label: t('node.add'),
        disabled: wrong,
        run: () => clusterAction(cluster, { action: 'add-nodes', count, simulated }),
        good: t('started'),
      }}
    >
      <NumberField
        label={t('node.add.count')}
        value={count}
        set={setCount}
        least={LEAST}
        most={MOST}
        wrong={wrong ? t('create.count', { least: LEAST, most: MOST }) : ''}
      />
      <label className="check">
        <input type="checkbox" checked={simulated} onChange={(event) => setSimulated(event.target.checked)} />
        {t('node.add.simulated')}
      </label>
      <Command text={addCommand(cluster, count || LEAST, simulated)} />
    </Dialog>
  );
}
