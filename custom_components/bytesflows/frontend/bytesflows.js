// @ts-check
/**
 * A dashboard, and a card with the packages of an account.
 *
 * Entities are found by device and translation key, as their ids differ by language.
 */

const DOMAIN = "bytesflows";
const PACKAGES_CARD = "bytesflows-packages-card";
const OUTAGE_CARD = "bytesflows-outage-card";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** @type {Localize} */
let text = () => "";

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** @returns {any} */
const app = () => document.querySelector("home-assistant");

/** @param {Hass} hass Its second call returns before the first has the texts. */
async function loadTexts(hass) {
  for (let calls = 0; calls < 100; calls++) {
    const localize = await hass.loadBackendTranslation("common", DOMAIN);
    text = (key, values) => localize(`component.${DOMAIN}.common.${key}`, values);
    if (text("outage")) return;
    await pause();
  }
}

/** @param {DeviceEntry} device */
const nameOf = (device) => device.name_by_user || device.name || "";

/** @param {Hass} hass */
const accountsOf = (hass) =>
  Object.values(hass.devices)
    .filter((item) => !item.disabled_by && item.identifiers.some(([name]) => name === DOMAIN))
    .sort((a, b) => nameOf(a).localeCompare(nameOf(b), hass.language, { numeric: true }));

/** @type {FindEntities} The enabled entities by key. */
const entitiesOf = (hass, deviceId) =>
  Object.fromEntries(
    Object.values(hass.entities)
      .filter((entity) => entity.platform === DOMAIN && entity.device_id === deviceId)
      .map((entity) => [entity.translation_key, entity.entity_id]),
  );

// --- Dashboard ---

/** @type {Condition} */
const is = (entity, ...state) => ({ condition: "state", entity, state });
/** @param {object} condition */
const not = (condition) => ({ condition: "not", conditions: [condition] });
/** @type {Condition} */
const isUnknown = (entity) => is(entity, "unavailable", "unknown");
/** @type {Condition} A binary sensor is on, or there is more than shows as 0.00. */
const isRaised = (entity) =>
  /^binary/.test(entity) ? is(entity, "on") : { condition: "numeric_state", entity, above: 0.005 };

const HALF = { grid_options: { columns: 6 } };
const WHOLE = { grid_options: { columns: 12 } };
const BAR = { ...WHOLE, features: [{ type: "bar-gauge" }] };
const DATE = { time_format: { type: "date", style: "short" } };
/** @type {Names} */
const COLORS = {
  available_percentage: "green",
  available_traffic: "light-blue",
  balance: "teal",
  expiring_soon: "orange",
  traffic_low: "red",
};
const SOON = ["orange", "expiring_soon"];
/** @type {Record<string, string[]>} The color of a tile while an alarm is raised. */
const WARNINGS = {
  available_percentage: ["red", "traffic_low"],
  estimated_depletion: ["deep-orange", "traffic_low"],
  expected_unused_traffic: ["orange", "expected_unused_traffic"],
  expiring_traffic: SOON,
  next_expiry: SOON,
};

/** @type {Shown} An entity for a card, unless it is disabled. */
const shown = ({ ids }, key) => {
  const [entity, name, color] = [ids[key], text(`dashboard_${key}`), COLORS[key]];
  return entity ? [{ entity, name, color }] : [];
};

/** @type {Tiles} A tile, and one that warns; without a warning, it has dates. */
const tiles = (account, key, options, ...conditions) =>
  shown(account, key).flatMap((item) => {
    /** @type {Tile} */
    const tile = (looks, ...more) => {
      const visibility = [not(isUnknown(item.entity)), ...conditions, ...more];
      return { type: "tile", ...item, ...options, ...looks, visibility };
    };
    const [color, alarm] = WARNINGS[key] ?? [];
    const raised = isRaised(account.ids[alarm]);
    const calm = color ? DATE : {};
    return account.ids[alarm] ? [tile(calm, not(raised)), tile({ color }, raised)] : [tile(calm)];
  });

/** @type {Pair} Two tiles; one takes the whole row while the other has no value. */
const pair = (account, ...keys) =>
  keys.flatMap((key, index) => {
    const other = account.ids[keys[1 - index]];
    if (!other) return tiles(account, key, WHOLE);
    const half = tiles(account, key, HALF, not(isUnknown(other)));
    return [...half, ...tiles(account, key, WHOLE, isUnknown(other))];
  });

/** @type {Title} */
const title = (key, icon, options) => {
  return { type: "heading", heading: text(`dashboard_${key}`), icon, ...options };
};

/** @type {Chart} */
const chart = (entity, key, options) => {
  const name = text(`dashboard_${key}`);
  return [
    { type: "heading", heading: name, heading_style: "subtitle" },
    { type: "statistics-graph", entities: [{ entity, name }], hide_legend: true, ...options },
  ];
};

/** @type {Record<string, Section>} */
const SECTIONS = {
  traffic: (account) => {
    const entity = account.ids.available_traffic;
    const past = entity in account.past;
    // Without a chart, nothing is below the heading during an outage.
    const visibility = past || !entity ? [] : [not(isUnknown(entity))];
    const line = { chart_type: "line", stat_types: ["mean"], period: "hour", days_to_show: 30 };
    return [
      title("traffic", "mdi:database", { visibility }),
      ...tiles(account, "available_percentage", BAR),
      ...pair(account, "available_traffic", "estimated_depletion"),
      ...past ? chart(entity, "past", { ...line, min_y_axis: 0 }) : [],
    ];
  },
  use: (account) => {
    const entity = account.ids.lifetime_consumption;
    const bars = { chart_type: "bar", stat_types: ["change"], period: "day", days_to_show: 14 };
    /** @type {Total} */
    const total = (key, period) => ({
      type: "statistic",
      entity,
      name: text(`dashboard_${key}`),
      icon: `mdi:calendar-${key}`,
      stat_type: "change",
      period: { calendar: { period } },
      ...HALF,
    });
    const charts = chart(entity, "per_day", bars);
    const totals = [total("today", "day"), total("month", "month"), ...charts];
    const hint = { type: "markdown", content: text("dashboard_no_past") };
    return [
      title("use", "mdi:chart-bar"),
      ...entity in account.past ? totals : entity ? [hint] : [],
      ...pair(account, "average_daily_consumption", "daily_allowance"),
    ];
  },
  packages: (account) => {
    const { ids: { active_packages: entity }, deviceId } = account;
    const badges = entity ? [{ type: "entity", entity, visibility: [not(isUnknown(entity))] }] : [];
    return [
      title("packages", "mdi:package-variant", { badges }),
      ...pair(account, "next_expiry", "expiring_traffic"),
      { type: `custom:${PACKAGES_CARD}`, device_id: deviceId, limit: 4 },
      ...pair(account, "expected_unused_traffic", "total_traffic"),
      ...pair(account, "balance", "last_check_in"),
    ];
  },
};

/** @type {Section} The line that says since when nothing responds. */
const outage = ({ ids, deviceId }) => {
  const entity = ids.available_traffic || ids.total_traffic || ids.used_traffic;
  const card = { type: `custom:${OUTAGE_CARD}`, device_id: deviceId };
  const cards = [{ ...card, grid_options: { columns: "full" } }];
  const visibility = [is(entity, "unavailable")];
  return entity ? [{ type: "grid", column_span: 3, visibility, cards }] : [];
};

/** @type {Pair} */
const alarm = (account, key) =>
  shown(account, key).map((item) => {
    const visibility = [is(item.entity, "on")];
    return { type: "entity", ...item, show_name: true, show_state: false, visibility };
  });

/** @type {FindPast} The entities with statistics, if there is a recorder. */
const findPast = (hass, ids) =>
  hass.callWS({
    type: "recorder/statistics_during_period",
    start_time: new Date(Date.now() - 30 * DAY),
    statistic_ids: Object.values(ids),
    period: "month",
  }).catch(() => ({}));

/** @type {AccountView} */
const accountView = async (hass, device, sections) => {
  const ids = entitiesOf(hass, device.id);
  const account = { deviceId: device.id, ids, past: await findPast(hass, ids) };
  return {
    title: nameOf(device),
    path: device.id,
    icon: "mdi:gauge",
    show_icon_and_title: true,
    type: "sections",
    max_columns: 3,
    badges: [...alarm(account, "traffic_low"), ...alarm(account, "expiring_soon")],
    sections: [
      ...outage(account),
      ...sections
        .filter((name) => name in SECTIONS)
        .map((name) => ({ type: "grid", cards: SECTIONS[name](account) })),
    ],
  };
};

/** Without views, a dashboard loads forever. */
const emptyView = () => {
  const link = `(/config/integrations/dashboard/add?domain=${DOMAIN})`;
  const content = `${text("dashboard_no_account")}\n\n[${text("dashboard_add_account")}]${link}`;
  return { title: "BytesFlows", cards: [{ type: "markdown", content }] };
};

/** @type {Generate} What is made last is shown, even if begun first. */
const generate = async (config, hass) => {
  const { accounts, sections = Object.keys(SECTIONS) } = config;
  await loadTexts(hass);
  const made = accountsOf(hass)
    .filter(({ id }) => accounts?.includes(id) ?? true)
    .map((device) => accountView(hass, device, sections));
  const views = made.length ? await Promise.all(made) : [emptyView()];
  const { hass: now } = app();
  const isOld = now.devices !== hass.devices || now.entities !== hass.entities;
  return isOld ? generate(config, now) : { views };
};

// --- Parts of cards ---

/** @type {Make} What the server sent becomes text, never markup. */
const make = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, `${value}`);
  made.append(...children);
  return made;
};

/** @param {string} name */
const icon = (name) => make("ha-icon", { icon: `mdi:${name}` });

/** @type {Amount} Bytes with their unit, left to right in every script. */
const amount = (bytes, { language, number_format }) => {
  const power = Math.floor(Math.log2(Math.max(bytes, 1)) / 10);
  const value = bytes / 1024 ** power;
  const locale = { language, decimal_comma: "de", space_comma: "de" }[number_format] ?? "en";
  const format = new Intl.NumberFormat(locale, { maximumSignificantDigits: value < 100 ? 3 : 4 });
  return make("bdi", {}, `${format.format(value)} ${UNITS[power]}`);
};

/** @type {Moment} */
const exactTime = (moment, { locale, config }) =>
  new Intl.DateTimeFormat(locale.language, {
    dateStyle: "medium",
    timeStyle: "short",
    hour12: { 12: true, 24: false }[locale.time_format],
    timeZone: locale.time_zone === "server" ? config.time_zone : undefined,
  }).format(new Date(moment));

/** @type {Moment} */
const relativeTime = (moment, { locale }) => {
  const away = Date.parse(moment) - Date.now();
  const format = new Intl.RelativeTimeFormat(locale.language, { numeric: "auto" });
  if (away < HOUR) return format.format(Math.round(away / MINUTE), "minute");
  if (away < DAY) return format.format(Math.round(away / HOUR), "hour");
  return format.format(Math.round(away / DAY), "day");
};

const STYLE = `
  ha-card { box-sizing: border-box; height: 100%; padding: 10px 16px; }
  ul { list-style: none; margin: 0; padding: 0; }
  li, .line, .outage { display: flex; gap: 12px; }
  li { font-size: var(--ha-font-size-m); line-height: 20px; padding: 6px 0; }
  li > div { flex: 1; min-width: 0; }
  .line { justify-content: space-between; }
  b { font-weight: 500; }
  .small, button { font-size: var(--ha-font-size-s); line-height: 16px; }
  .small, p { color: var(--secondary-text-color); margin: 4px 0; }
  ha-icon { color: var(--state-icon-color); }
  .soon ha-icon, .outage ha-icon { color: var(--warning-color); }
  .small ha-icon { --mdc-icon-size: 14px; margin-inline-end: 4px; }
  .bar {
    --color: var(--primary-color);
    background: color-mix(in srgb, var(--color) 18%, transparent);
    border-radius: 4px; height: 8px; margin: 4px 0; overflow: hidden;
  }
  .soon .bar { --color: var(--warning-color); }
  .bar > div { background: var(--color); height: 100%; }
  button {
    background: none; border: 0; color: var(--primary-color); cursor: pointer;
    font-family: inherit; padding: 6px 0;
  }
`;

/** @type {PackageRow} */
const packageRow = ({ order_id, source, size, remaining, expires }, isSoon, hass) => {
  const name = text(`card_source_${source}`);
  const percent = size ? (100 * remaining) / size : 100;
  const sizes = [amount(remaining, hass.locale), " / ", amount(size, hass.locale)];
  const amounts = make("span", {}, ...size ? sizes : [text("card_unlimited")]);
  const meter = {
    class: "bar",
    role: "meter",
    "aria-label": name,
    "aria-valuenow": Math.round(percent),
    "aria-valuetext": `${amounts.textContent}`,
  };
  const times = expires ? [relativeTime(expires, hass), exactTime(expires, hass)] : [];
  const [relative, exact] = times.map((time) => make("bdi", {}, time));
  const expiry = expires
    ? make("time", { datetime: expires }, relative, " · ", exact)
    : text("card_never");
  return make(
    "li",
    { class: isSoon ? "soon" : "", title: order_id ?? "" },
    icon(source === "sign" ? "gift-outline" : "package-variant-closed"),
    make(
      "div",
      {},
      make("div", { class: "line" }, make("b", {}, name), amounts),
      make("div", meter, make("div", { style: `inline-size: ${percent}%` })),
      make("div", { class: "small" }, ...isSoon ? [icon("calendar-alert")] : [], expiry),
    ),
  );
};

/** @param {string} line */
const outageLine = (line) =>
  make("div", { class: "outage", role: "status" }, icon("cloud-off-outline"), line);

/** @type {IsWithin} */
const isWithin = (time, away) => time !== null && Date.parse(time) <= Date.now() + away;

// --- Elements ---

/** Define the elements; their classes, too, belong to the current registry. */
function defineElements() {
  /** Asks for the packages whenever a state of the account changes. */
  class AccountCard extends HTMLElement {
    /** @type {Partial<CardConfig>} */
    config = {};
    #hass = /** @type {Hass | undefined} */ (undefined);
    #answer = /** @type {Answer | undefined} */ (undefined);
    #error = "";
    #ids = [""];
    #seen = /** @type {unknown[]} */ ([]);
    #calls = 0;
    #timer = 0;
    #card = document.createElement("ha-card");

    constructor() {
      super();
      this.attachShadow({ mode: "open" }).append(make("style", {}, STYLE), this.#card);
    }

    /** @param {CardConfig} config */
    setConfig(config) {
      if (!config.device_id) throw new Error(text("card_no_account"));
      this.config = config;
      this.#seen = [];
      if (this.#hass) this.hass = this.#hass;
    }

    /** Set whenever any state changes. */
    set hass(/** @type {Hass} */ hass) {
      if (hass.entities !== this.#seen[0]) {
        this.#ids = Object.values(entitiesOf(hass, this.config.device_id));
      }
      this.#hass = hass;
      const seen = [hass.entities, hass.locale, ...this.#ids.map((id) => hass.states[id])];
      if (seen.every((item, index) => item === this.#seen[index])) return;
      this.#seen = seen;
      this.#load(hass);
    }

    connectedCallback() {
      this.show();
      const update = () => this.#error && this.#hass ? this.#load(this.#hass) : this.show();
      this.#timer = setInterval(update, MINUTE);
    }

    disconnectedCallback() {
      clearInterval(this.#timer);
    }

    getCardSize = () => 4;
    getGridOptions = () => ({ columns: 12, min_columns: 6, rows: "auto" });

    /** @type {Draw} */
    draw = () => [];

    /** Show the last answer as of now. */
    show() {
      const [hass, answer, error] = [this.#hass, this.#answer, this.#error];
      const failure = error && outageLine(text(error === "not_found" ? "card_gone" : "outage"));
      this.#card.replaceChildren(...hass && answer ? this.draw(answer, hass) : [failure]);
    }

    /** @param {Hass} hass */
    async #load(hass) {
      const call = ++this.#calls;
      const { device_id } = this.config;
      const request = hass.callWS({ type: "bytesflows/packages", device_id });
      const result = await request.catch((error) => `${error?.code}`);
      await loadTexts(hass);
      if (call !== this.#calls) return; // Asked again.
      const isAnswer = typeof result === "object";
      this.#error = isAnswer ? "" : result;
      if (isAnswer || result === "not_found") this.#answer = isAnswer ? result : undefined;
      this.show();
    }
  }

  class PackagesCard extends AccountCard {
    #isOpen = false;

    /** @param {Hass} hass */
    static getStubConfig = (hass) => ({ device_id: accountsOf(hass)[0]?.id ?? "" });

    static getConfigForm() {
      return {
        schema: [
          { name: "device_id", required: true, selector: { device: { integration: DOMAIN } } },
          { name: "limit", selector: { number: { min: 1, max: 100, mode: "box" } } },
        ],
        /** @param {{ name: string }} field */
        computeLabel: ({ name }) => text(`card_${name}`),
      };
    }

    /** @override @type {Draw} */
    draw = ({ packages, expiring_soon_days, outdated_since: since }, hass) => {
      const { limit = 8 } = this.config;
      const usable = packages.filter(({ expires }) => !isWithin(expires, 0));
      const listed = this.#isOpen ? usable : usable.slice(0, limit);
      const soon = expiring_soon_days * DAY;
      const rows = listed.map((item) => packageRow(item, isWithin(item.expires, soon), hass));
      const age = since && text("card_as_of", { time: exactTime(since, hass) });
      return [
        rows.length ? make("ul", {}, ...rows) : make("p", {}, text("card_empty")),
        ...usable.length > limit ? [this.#toggle(usable.length - limit)] : [],
        ...age ? [make("p", { class: "small" }, age)] : [],
      ];
    };

    /** @param {number} count */
    #toggle(count) {
      const label = text(this.#isOpen ? "card_fewer" : "card_more", { count });
      const button = make("button", { "aria-expanded": `${this.#isOpen}` }, label);
      button.onclick = () => {
        this.#isOpen = !this.#isOpen;
        this.show();
        this.shadowRoot?.querySelector("button")?.focus();
      };
      return button;
    }
  }

  class OutageCard extends AccountCard {
    /** @override @type {Draw} */
    draw = ({ unreachable_since: since }, hass) => {
      const time = since && exactTime(since, hass);
      return [outageLine(text(time ? "outage_since" : "outage", { time }))];
    };
  }

  class DashboardStrategy extends HTMLElement {
    static noEditor = true;
    static registryDependencies = ["entities", "devices"];

    static getCreateSuggestions = () => ({ title: "BytesFlows", icon: "mdi:gauge" });

    static generate = generate;
  }

  customElements.define(PACKAGES_CARD, PackagesCard);
  customElements.define(OUTAGE_CARD, OutageCard);
  customElements.define(`ll-strategy-dashboard-${DOMAIN}`, DashboardStrategy);
}

/** List both in dialogs, which cannot wait for texts. */
async function start() {
  (window.customStrategies ??= []).push({
    type: DOMAIN,
    strategyType: "dashboard",
    name: "BytesFlows",
    get description() {
      return text("dashboard_description");
    },
  });
  (window.customCards ??= []).push({
    type: PACKAGES_CARD,
    get name() {
      return text("card_name");
    },
    get description() {
      return text("card_description");
    },
    preview: true,
    documentationURL: "https://github.com/hass-bytesflows/bytesflows/blob/main/docs/dashboard.md",
    getEntitySuggestion: (hass, entityId) => {
      const { platform, device_id } = hass.entities[entityId] ?? {};
      const config = { type: `custom:${PACKAGES_CARD}`, device_id };
      return platform === DOMAIN ? { config } : null;
    },
  });
  // The registry of elements is replaced during the start, so ask each time.
  while (!window.customElements.get("home-assistant")) await pause();
  defineElements();
  while (!app()?.hass) await pause();
  await loadTexts(app().hass);
}

if (!window.customCards?.some(({ type }) => type === PACKAGES_CARD)) start();
