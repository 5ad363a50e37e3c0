"""Cities where the sample stores are: real names, postal codes, positions and time zones."""

from typing import NamedTuple


class City(NamedTuple):
    name: str
    region: str
    latitude: float
    longitude: float
    postal_codes: tuple[str, ...]
    zone: str = ""
    vat_pct: str = ""


class Country(NamedTuple):
    """A country, how often a retailer is from there, and how its shops and streets are called."""

    code: str
    weight: int
    zone: str
    vat_pct: str
    shops: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[City, ...]


ROME = City("Roma", "Lazio", 41.9028, 12.4964, ("00184", "00185", "00187", "00192", "00193"))

ITALY = Country(
    "IT", 62, "Europe/Rome", "22", ("Ottica", "Centro Ottico", "Occhialeria"),
    ("Via Roma, {}", "Corso Vittorio Emanuele II, {}", "Via Garibaldi, {}", "Piazza del Mercato, {}",
     "Via della Libertà, {}", "Viale Europa, {}", "Via XX Settembre, {}",
     'Centro commerciale "Le Terrazze", int. {}'),
    (
        ROME,
        City("Milano", "Lombardia", 45.4642, 9.1900, ("20121", "20123", "20124", "20144", "20154")),
        City("Torino", "Piemonte", 45.0703, 7.6869, ("10121", "10122", "10124")),
        City("Napoli", "Campania", 40.8518, 14.2681, ("80121", "80133", "80134")),
        City("Bologna", "Emilia-Romagna", 44.4949, 11.3426, ("40121", "40122", "40126")),
        City("Firenze", "Toscana", 43.7696, 11.2558, ("50122", "50123", "50129")),
        City("Genova", "Liguria", 44.4056, 8.9463, ("16121", "16123", "16124")),
        City("Palermo", "Sicilia", 38.1157, 13.3615, ("90133", "90134", "90139")),
        City("Catania", "Sicilia", 37.5079, 15.0830, ("95124", "95129", "95131")),
        City("Bari", "Puglia", 41.1171, 16.8719, ("70121", "70122", "70123")),
        City("Lecce", "Puglia", 40.3515, 18.1750, ("73100",)),
        City("Venezia", "Veneto", 45.4408, 12.3155, ("30121", "30122", "30124")),
        City("Verona", "Veneto", 45.4384, 10.9916, ("37121", "37122")),
        City("Padova", "Veneto", 45.4064, 11.8768, ("35121", "35122")),
        City("Belluno", "Veneto", 46.1425, 12.2167, ("32100",)),
        City("Trieste", "Friuli-Venezia Giulia", 45.6495, 13.7768, ("34121", "34122")),
        City("Bolzano/Bozen", "Trentino-Alto Adige/Südtirol", 46.4983, 11.3548, ("39100",)),
        City("L'Aquila", "Abruzzo", 42.3498, 13.3995, ("67100",)),
        City("Perugia", "Umbria", 43.1107, 12.3908, ("06121", "06123")),
        City("Ancona", "Marche", 43.6158, 13.5189, ("60121", "60122")),
        City("Aosta", "Valle d'Aosta", 45.7370, 7.3201, ("11100",)),
        City("Cagliari", "Sardegna", 39.2238, 9.1217, ("09124", "09125")),
    ),
)  # fmt: skip

COUNTRIES = (
    ITALY,
    Country("FR", 9, "Europe/Paris", "20", ("Optique", "Lunetterie"),
            ("{} rue de la République", "{} boulevard de l'Église", "{} place du Marché"), (
        City("Paris", "Île-de-France", 48.8566, 2.3522, ("75001", "75004", "75011", "75015")),
        City("Lyon", "Auvergne-Rhône-Alpes", 45.7640, 4.8357, ("69002", "69003")),
        City("Marseille", "Provence-Alpes-Côte d'Azur", 43.2965, 5.3698, ("13001", "13006")),
        City("Nîmes", "Occitanie", 43.8367, 4.3601, ("30000", "30900")),
    )),
    Country("DE", 8, "Europe/Berlin", "19", ("Optik", "Brillenhaus"),
            ("Hauptstraße {}", "Bahnhofstraße {}", "Marktplatz {}"), (
        City("Berlin", "Berlin", 52.5200, 13.4050, ("10115", "10117", "10178")),
        City("München", "Bayern", 48.1351, 11.5820, ("80331", "80333", "80799")),
        City("Köln", "Nordrhein-Westfalen", 50.9375, 6.9603, ("50667", "50672")),
        City("Hamburg", "Hamburg", 53.5511, 9.9937, ("20095", "20354")),
    )),
    Country("ES", 8, "Europe/Madrid", "21", ("Óptica",),
            ("Calle Mayor, {}", "Avenida de la Constitución, {}", "Plaza España, {}"), (
        City("Madrid", "Comunidad de Madrid", 40.4168, -3.7038, ("28001", "28004", "28013")),
        City("Barcelona", "Catalunya", 41.3874, 2.1686, ("08001", "08002", "08007")),
        City("Málaga", "Andalucía", 36.7213, -4.4214, ("29005", "29015")),
    )),
    Country("PT", 4, "Europe/Lisbon", "23", ("Ótica",),
            ("Rua Augusta, {}", "Avenida da Liberdade, {}", "Praça do Comércio, {}"), (
        City("Lisboa", "Lisboa", 38.7223, -9.1393, ("1100-053", "1250-096")),
        City("Porto", "Norte", 41.1579, -8.6291, ("4000-322", "4050-161")),
        City("Ponta Delgada", "Açores", 37.7394, -25.6687, ("9500-119",), "Atlantic/Azores", "16"),
    )),
    Country("AT", 3, "Europe/Vienna", "20", ("Optik",),
            ("Hauptplatz {}", "Kirchengasse {}"), (
        City("Wien", "Wien", 48.2082, 16.3738, ("1010", "1070")),
        City("Innsbruck", "Tirol", 47.2692, 11.4041, ("6020",)),
    )),
    Country("GR", 3, "Europe/Athens", "24", ("Optiká",),
            ("Ermou {}", "Leoforos Athinon {}"), (
        City("Athína", "Attikí", 37.9838, 23.7275, ("10563", "10557")),
        City("Thessaloníki", "Kentrikí Makedonía", 40.6401, 22.9444, ("54624", "54622")),
    )),
    Country("IE", 2, "Europe/Dublin", "23", ("Opticians",),
            ("{} Main Street", "{} O'Connell Street"), (
        City("Dublin", "Leinster", 53.3498, -6.2603, ("D01 F5P2", "D02 AF30")),
    )),
    Country("FI", 1, "Europe/Helsinki", "25.5", ("Optiikka",),
            ("Kauppakatu {}", "Asematie {}"), (
        City("Helsinki", "Uusimaa", 60.1699, 24.9384, ("00100", "00120")),
    )),
)  # fmt: skip
