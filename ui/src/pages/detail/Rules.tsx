import type { KubeObject } from '../../api/contract';
import { Card } from '../../components/parts';
import { useI18n } from '../../i18n';

interface Rule {
  verbs?: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

/** What a role allows, a line for each of its rules; a rule that stands there twice allows nothing more. */
export function Rules({ object }: { object: KubeObject }) {
  const { t } = useI18n();
  const rules: Rule[] = object.rules ?? [];
  if (rules.length === 0) return null;
  return (
    <Card title={t('rules')}>
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">{t('rules.verbs')}</th>
            <th scope="col">{t('rules.resources')}</th>
          </tr>
        </thead>
        <tbody>
          {distinct(rules).map(([key, rule]) => (
            <tr key={key}>
              <td className="mono small">{(rule.verbs ?? []).join(', ')}</td>
              <td className="mono small wrap">{ruled(rule)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

/** The different ones in their order, each with a key: what stands there twice allows nothing more. */
export const distinct = <T,>(all: T[]): [string, T][] => [...new Map(all.map((one) => [JSON.stringify(one), one]))];

/** `deployments.apps, pods: web-0`. */
function ruled({ apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: Rule): string {
  const all = apiGroups.flatMap((group) => resources.map((resource) => (group ? `${resource}.${group}` : resource)));
  const names = resourceNames.length > 0 ? `: ${resourceNames.join(', ')}` : '';
  return [...all, ...nonResourceURLs].join(', ') + names;
}
