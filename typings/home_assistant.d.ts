// The parts of Home Assistant's frontend that the module uses.

interface HassEntity {
  state: string;
}

interface EntityEntry {
  entity_id: string;
  platform: string;
  device_id?: string;
  translation_key?: string;
}

interface DeviceEntry {
  id: string;
  name: string | null;
  name_by_user: string | null;
  disabled_by: string | null;
  identifiers: [string, string][];
}

type Localize = (key: string, values?: Record<string, string | number | null>) => string;

interface Hass {
  states: Record<string, HassEntity>;
  entities: Record<string, EntityEntry>;
  devices: Record<string, DeviceEntry>;
  language: string;
  config: { time_zone: string };
  locale: {
    language: string;
    number_format: string;
    time_format: string;
    time_zone: string;
  };
  callWS(message: {
    type: "bytesflows/packages";
    device_id?: string;
  }): Promise<Answer>;
  callWS(message: { type: string; [key: string]: unknown }): Promise<object>;
  loadBackendTranslation(category: string, integration: string): Promise<Localize>;
}

interface HomeAssistantElement extends HTMLElement {
  hass?: Hass;
}

interface Listed {
  type: string;
  name: string;
  description: string;
}

interface ListedStrategy extends Listed {
  strategyType: "dashboard";
}

interface ListedCard extends Listed {
  preview: boolean;
  documentationURL: string;
  getEntitySuggestion(hass: Hass, entityId: string): object | null;
}

interface Window {
  customStrategies?: ListedStrategy[];
  customCards?: ListedCard[];
}

interface HTMLElementTagNameMap {
  "home-assistant": HomeAssistantElement;
}

/** The answer of `bytesflows/packages`. */
interface Answer {
  packages: {
    order_id: string | null;
    source: string;
    size: number;
    remaining: number;
    expires: string | null;
  }[];
  expiring_soon_days: number;
  unreachable_since: string | null;
  outdated_since: string | null;
}

interface CardConfig {
  type: string;
  device_id: string;
  limit?: number;
}

interface DashboardConfig {
  accounts?: string[];
  sections?: string[];
}

type Names = Record<string, string>;
type Ids = Names;

/** What the sections of a view are made from. */
interface Account {
  deviceId: string;
  ids: Ids;
  /** The entities that have statistics. */
  past: object;
}

type Section = (account: Account) => object[];
type Condition = (entity: string, ...states: string[]) => object;
type Shown = (account: Account, key: string) => {
  entity: string;
  name: string;
  color?: string;
}[];
type Pair = (account: Account, ...keys: string[]) => object[];
type Tiles = (
  account: Account,
  key: string,
  options: object,
  ...conditions: object[]
) => object[];
type Tile = (looks: object, ...conditions: object[]) => object;
type Title = (key: string, icon: string, options?: object) => object;
type Total = (key: string, period: string) => object;
type Chart = (entity: string, key: string, options: object) => object[];
type FindEntities = (hass: Hass, deviceId?: string) => Ids;
type FindPast = (hass: Hass, ids: Ids) => Promise<object>;
type AccountView = (
  hass: Hass,
  device: DeviceEntry,
  sections: string[],
) => Promise<object>;

type Generate = (config: DashboardConfig, hass: Hass) => Promise<object>;

type Make = (
  tag: string,
  attributes: Record<string, string | number>,
  ...children: (Node | string)[]
) => HTMLElement;
type Amount = (bytes: number, locale: Hass["locale"]) => HTMLElement;
type Moment = (moment: string, hass: Hass) => string;
type PackageRow = (
  item: Answer["packages"][number],
  isSoon: boolean,
  hass: Hass,
) => HTMLElement;
type Draw = (answer: Answer, hass: Hass) => (Node | string)[];
type IsWithin = (time: string | null, away: number) => boolean;
