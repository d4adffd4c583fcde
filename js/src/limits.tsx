// The limits: their rates, how far ahead they are booked, how many calls run and wait.

import type { Desk } from "./desk";
import { Tag } from "./marks";
import { Waiting } from "./waiting";
import { duration, number } from "./words";

export function LimitsView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.limits.value} lines={3} retry={desk.renew}>
      {(rows) =>
        rows.length ? (
          <ul class="limits">
            {rows.map((row) => (
              <li key={row.name}>
                <h3>
                  {row.name}
                  <span class="muted">{row.rates}</span>
                  {row.slowed && <Tag tone="warn">slowed</Tag>}
                  {row.paused > 0 && <Tag tone="warn">paused for {duration(row.paused)}</Tag>}
                  {row.waiting > 0 && <Tag>{number(row.waiting)} waiting</Tag>}
                </h3>
                {row.gauges.map((gauge) => (
                  <div class="gauge" key={gauge.unit}>
                    <span>{gauge.unit}</span>
                    <span
                      class={`track ${gauge.used < gauge.limit ? "" : "full"}`}
                      role="meter"
                      aria-label={`${row.name}, ${gauge.unit}`}
                      aria-valuemin={0}
                      aria-valuemax={gauge.limit}
                      aria-valuenow={Math.min(gauge.used, gauge.limit)}
                      aria-valuetext={gauge.text}
                    >
                      <span style={{ width: `${Math.min(100, (100 * gauge.used) / gauge.limit)}%` }} />
                    </span>
                    <span class="num muted">{gauge.text}</span>
                  </div>
                ))}
              </li>
            ))}
          </ul>
        ) : (
          <div class="empty"><p>No limit is in use.</p></div>
        )
      }
    </Waiting>
  );
}
