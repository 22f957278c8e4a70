import { Link } from 'wouter';
import type { KubeObject, ObjectRef } from '../../api/contract';
import { Age } from '../../components/Age';
import { Card, HealthMark } from '../../components/parts';
import { useI18n } from '../../i18n';
import { factName } from '../../i18n/others';
import { PODS } from '../../kinds/gvrs';
import { conditionHealth, conditions } from '../../kinds/read';
import { useCluster } from '../../shell/cluster';
import { useLinks } from '../../shell/paths';
import { Containers } from './Containers';
import { type Fact, facts } from './facts';
import { RecentEvents } from './RecentEvents';
import { Related } from './Related';
import { Volumes } from './Volumes';

/** What an object is and what belongs to it. */
export function Overview({ object, target }: { object: KubeObject; target: ObjectRef }) {
  const { t } = useI18n();
  const created = object.metadata.creationTimestamp;
  return (
    <div className="overview">
      <div className="stack">
        <Related object={object} target={target} />
        <Containers object={object} />
        <Volumes object={object} />
        <RecentEvents object={object} />
      </div>
      <div className="stack">
        <Card title={t('facts')}>
          <dl className="facts">
            {facts(object).map((fact) => (
              <FactLine key={fact.label} fact={fact} />
            ))}
            <Owners object={object} />
            {created && <FactLine fact={{ label: 'Created', value: created, moment: true }} />}
          </dl>
        </Card>
        <Conditions object={object} />
        <Pairs title={t('labels')} pairs={object.metadata.labels} />
        <Pairs title={t('annotations')} pairs={object.metadata.annotations} />
      </div>
    </div>
  );
}

function FactLine({ fact }: { fact: Fact }) {
  const { t } = useI18n();
  return (
    <div>
      <dt>{factName(fact.label, t)}</dt>
      <dd>
        <FactValue fact={fact} />
      </dd>
    </div>
  );
}

function FactValue({ fact: { value, to, folded, truth, moment, selects } }: { fact: Fact }) {
  const { t, date } = useI18n();
  const { refTo } = useCluster();
  const links = useLinks();
  const ref = to && refTo(to.apiVersion, to.kind, to.namespace, to.name);
  if (folded)
    return (
      <details>
        <summary className="mono small cut">{value.replace(/\s+/g, ' ')}</summary>
        <pre className="small">{value}</pre>
      </details>
    );
  if (ref) return <Link href={links.object(ref)}>{value}</Link>;
  if (selects !== undefined) return <Link href={links.list(PODS, { ns: selects, l: value })}>{value}</Link>;
  if (moment) return date(value);
  return truth === undefined ? value : t(truth ? 'yes' : 'no');
}

function Owners({ object }: { object: KubeObject }) {
  const { t } = useI18n();
  const { refTo } = useCluster();
  const links = useLinks();
  return (object.metadata.ownerReferences ?? []).map(({ apiVersion, kind, name, uid }) => {
    const ref = refTo(apiVersion, kind, object.metadata.namespace ?? '', name);
    return (
      <div key={uid}>
        <dt>{t('owner')}</dt>
        <dd>
          <span className="soft">{kind} </span>
          {ref ? <Link href={links.object(ref)}>{name}</Link> : name}
        </dd>
      </div>
    );
  });
}

function Conditions({ object }: { object: KubeObject }) {
  const { t } = useI18n();
  const all = conditions(object);
  if (all.length === 0) return null;
  return (
    <Card title={t('conditions')}>
      <ul className="conditions">
        {all.map((condition) => (
          <li key={condition.type}>
            <div className="row">
              <HealthMark health={conditionHealth(condition)} />
              <strong>{condition.type}</strong>
              <span className="soft">{condition.status}</span>
              <span className="grow" />
              <span className="faint small">
                <Age since={condition.lastTransitionTime} />
              </span>
            </div>
            {(condition.reason || condition.message) && (
              <p className="soft small">{[condition.reason, condition.message].filter(Boolean).join(': ')}</p>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** Longer values fold: annotations hold whole documents. */
const LONG = 80;

function Pairs({ title, pairs }: { title: string; pairs: Record<string, string> | undefined }) {
  const entries = Object.entries(pairs ?? {});
  if (entries.length === 0) return null;
  return (
    <Card title={title}>
      <ul className="pairs">
        {entries.map(([key, value]) =>
          value.length > LONG ? (
            <li key={key}>
              <details>
                <summary className="mono small">{key}</summary>
                <pre className="small">{value}</pre>
              </details>
            </li>
          ) : (
            <li key={key} className="mono small">
              {key}
              {value && <span className="soft">={value}</span>}
            </li>
          ),
        )}
      </ul>
    </Card>
  );
}
