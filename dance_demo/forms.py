"""The eight classical dances of India that the shipped model names, each as a small card for the page.

They are the eight that the Sangeet Natak Akademi, India's national academy of music, dance and drama,
recognises. A card says what an onlooker may notice in a photo. It cannot say what a dance is: teachers,
lineages and stages differ, costumes are shared, and a dance is music and movement, which no photo shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """One dance form. confused_with holds labels, the keys of FORMS; everything else is text for people.

    own_name is what those who dance it write, in the language of that BCP 47 tag; NFC.
    """

    name: str
    own_name: str
    own_language: str
    region: str
    music: str
    look_for: str
    confused_with: tuple[str, ...]
    why_confused: str


@dataclass(frozen=True)
class Source:
    """Something that was read for the cards. The words of the cards are our own."""

    title: str
    publisher: str
    address: str


FORMS: dict[str, Form] = {
    "bharatanatyam": Form(
        name="Bharatanatyam",
        own_name="பரதநாட்டியம்",
        own_language="ta",
        region="Tamil Nadu",
        music="Carnatic music: a singer, a conductor with small cymbals (nattuvangam), the mridangam drum, "
        "and violin, veena or flute.",
        look_for="A half-sitting stance with knees turned out (araimandi) and arms in clear, straight "
        "lines. The silk costume often has several pleated fans of different heights, which open between "
        "the knees. Gold temple jewellery includes a sun and a moon on the two sides of the parting.",
        confused_with=("kuchipudi", "mohiniyattam"),
        why_confused="Kuchipudi shares the silk, the jewellery, the braid with flowers and many steps; its "
        "costume more often has one long fan and its movement is rounder. In cream and gold a dancer may "
        "look like a Mohiniyattam dancer.",
    ),
    "kathak": Form(
        name="Kathak",
        own_name="कथक",
        own_language="hi",
        region="North India, with schools named after Lucknow, Jaipur and Banaras",
        music="Hindustani music: tabla or pakhawaj drums, sarangi or harmonium with a repeating melody, "
        "often a singer; many small bells on the ankles answer the drum.",
        look_for="An upright body on straight legs, quick footwork, and spins that make a wide skirt fly. "
        "Dancers wear a long flared dress over close trousers, or a skirt, blouse and light veil; jewellery "
        "is lighter than in the southern forms.",
        confused_with=("manipuri", "sattriya"),
        why_confused="A veil and a full skirt also belong to Manipuri, but there the skirt is stiff and "
        "does not fly. A Sattriya dancer may stand as upright; look for Assam's pale silk with woven "
        "patterns.",
    ),
    "kathakali": Form(
        name="Kathakali",
        own_name="കഥകളി",
        own_language="ml",
        region="Kerala",
        music="Two singers in Kerala's Sopanam style tell the story, with chenda and maddalam drums, a gong "
        "and cymbals, while the actors speak with eyes and hands only.",
        look_for="A painted face, often framed by a white paper ridge along the jaw (chutti). Green is for "
        "noble heroes; red and black belong to fierce characters. A large carved crown and a wide, "
        "bell-shaped skirt make the figure larger than life.",
        confused_with=("mohiniyattam",),
        why_confused="Women and sages in Kathakali wear simple, glowing make-up (minukku) without the ridge "
        "and the crown. Seen alone, they can be taken for another dance of Kerala.",
    ),
    "kuchipudi": Form(
        name="Kuchipudi",
        own_name="కూచిపూడి",
        own_language="te",
        region="Andhra Pradesh, named after a village in the Krishna district",
        music="Carnatic music, mostly with Telugu songs: a singer, cymbals, mridangam, violin and flute.",
        look_for="Quick, light and rounded movement in a silk costume that usually has one long pleated "
        "fan. In the tarangam the dancer moves on the rim of a brass plate, sometimes with a pot of water "
        "on the head.",
        confused_with=("bharatanatyam", "mohiniyattam"),
        why_confused="It shares jewellery, hair, silk and many steps with Bharatanatyam, and a photo does "
        "not show the difference in movement. Without the brass plate even people who dance may hesitate.",
    ),
    "manipuri": Form(
        name="Manipuri",
        own_name="ꯖꯒꯣꯢ ꯔꯥꯁ",
        own_language="mni-Mtei",
        region="Manipur",
        music="Devotional songs of the region's Vaishnava tradition, with the pung drum, cymbals and flute.",
        look_for="For the Ras Lila, women wear the potloi: a stiff, barrel-shaped skirt with mirrors and "
        "embroidery, a gauze skirt over it, and a thin veil over hair and face. Movement is soft and "
        "unbroken, often in a circle around Krishna. Men also dance and leap while they play drum or "
        "cymbals.",
        confused_with=("kathak", "sattriya"),
        why_confused="Kathak also has a full skirt and a veil, but a soft skirt that flies in spins. Men "
        "with drums and white cloth appear in Manipuri and in Sattriya, two neighbours in India's "
        "north-east.",
    ),
    "mohiniyattam": Form(
        name="Mohiniyattam",
        own_name="മോഹിനിയാട്ടം",
        own_language="ml",
        region="Kerala",
        music="Slow, lyrical singing in the Carnatic style or in Kerala's own Sopanam style, with "
        "mridangam, edakka, veena and flute.",
        look_for="A white or cream costume with a golden border (kasavu) and a pleated fan in front. Hair "
        "is often gathered into a bun on the left side of the head, with jasmine around it. The knees are "
        "bent and the upper body sways gently from side to side.",
        confused_with=("bharatanatyam", "kuchipudi"),
        why_confused="Jewellery, fan and half-sitting stance are close to Bharatanatyam and Kuchipudi, "
        "whose dancers sometimes wear white and gold too. The bun at the side is a better sign than the "
        "colour.",
    ),
    "odissi": Form(
        name="Odissi",
        own_name="ଓଡ଼ିଶୀ",
        own_language="or",
        region="Odisha",
        music="Odissi music: a singer, the mardala (or pakhawaj) drum, small cymbals, flute, violin and sitar.",
        look_for="Silver filigree jewellery, where most other forms wear gold, and a crown of white flowers "
        "around the bun that rises like the tower of a temple (tahia). The body bends in three curves at "
        "neck, waist and knee (tribhangi), or stands square and wide (chauka).",
        confused_with=("bharatanatyam", "kuchipudi"),
        why_confused="The silk costume with its fan resembles those of Bharatanatyam and Kuchipudi. Silver "
        "and the white crown tell it apart, when the photo shows them.",
    ),
    "sattriya": Form(
        name="Sattriya",
        own_name="সত্ৰীয়া",
        own_language="as",
        region="Assam, from its Vaishnava monasteries (sattras)",
        music="Borgeet songs with the khol drum, cymbals and flute, today often with violin.",
        look_for="Assam's own silk, often pale, with patterns woven in colour, and a bright cloth at the "
        "waist (kanchi). Jewellery is of Assamese gold work, and women wear white flowers in the hair. Men, "
        "and women in men's roles, wear dhoti, shawl and turban.",
        confused_with=("mohiniyattam", "manipuri"),
        why_confused="Pale silk with a coloured border can look like the cream and gold of Mohiniyattam. "
        "Drums, cymbals and white cloth are shared with Manipuri.",
    ),
}

SOURCES: tuple[Source, ...] = (
    Source("Indian classical dance", "Wikipedia", "https://en.wikipedia.org/wiki/Indian_classical_dance"),
    Source(
        "Ardhamandala in Bharatanatyam",
        "Online Bharatanatyam, 2007",
        "http://onlinebharatanatyam.com/tag/ayatam/",
    ),
    Source(
        "Jewellery in Bharatnatyam Dance",
        "Art of Indian Dance, 2017",
        "https://artofindiandance.wordpress.com/2017/03/25/jewellery-in-bharatnatyam-dance/",
    ),
    Source("Kathak", "Wikipedia", "https://en.wikipedia.org/wiki/Kathak"),
    Source(
        "Kathak 05",
        "National Repository of Open Educational Resources, NCERT",
        "https://nroer.gov.in/55ab34ff81fccb4f1d806025/file/57c12e0016b51c12b71ac574",
    ),
    Source(
        "What is special about Kathakali costumes?",
        "Kerala Tourism",
        "https://keralatourism.org/faq/what-is-special-about-kathakali-costumes",
    ),
    Source("Department of Chutty", "Kerala Kalamandalam", "https://kalamandalam.edu.in/about-the-department-16/"),
    Source(
        'Kathakali, Costume and Make-up, from V. P. Dhananjayan\'s "A Dancer on Dance"',
        "Bharata Kalanjali",
        "http://saigan.com./heritage/dance/dhan5.htm",
    ),
    Source("Kuchipudi Style", "tamilselvi.com", "http://www.tamilselvi.com/Kuchipudi-01.html"),
    Source("Kuchipudi", "UPSC Online Academy", "http://upsconlineacademy.net/MATERIALKUCHIPUDIHISTORY.html"),
    Source("Manipuri", "Narthaki", "https://narthaki.com/manipuri/manipuri.htm"),
    Source(
        "Manipuri: Music, Costumes and Ensembles",
        "Webindia123",
        "https://www.webindia123.com/dances/Manipuri/music,%20costumes%20and%20ensembles.htm",
    ),
    Source(
        "Pung Cholom",
        "Incredible India, Ministry of Tourism",
        "https://www.incredibleindia.org/content/incredible-india-v2/en/destinations/imphal/pung-cholom.html",
    ),
    Source(
        "Mohiniyattam: the classical dance form of Kerala",
        "Asianet Newsable, 2024",
        "https://newsable.asianetnews.com/webstories/lifestyle/mohiniyattam-know-about-the-classical-dance-form-of-kerala-anr-schrzt",
    ),
    Source(
        "Dances of Kerala",
        "Fragrant Nature, 2016",
        "https://www.fragrantnature.com/blog/2016/04/02/dances-of-kerala/",
    ),
    Source(
        "Kavalam: Guru non-pareil, by Methil Devika",
        "Narthaki, 2016",
        "http://www.narthaki.com/info/profiles/profl197.html",
    ),
    Source(
        "Aharyabhinaya in Odissi, by Pallavi Basak Vijay",
        "Akademi, London",
        "https://www.akademi.co.uk/aharyabhinaya-in-odissi/",
    ),
    Source("Music for Odissi", "Nadanam", "http://www.nadanam.com/odissi/music/"),
    Source("Sattriya", "PMF IAS", "https://www.pmfias.com/sattriya/"),
    Source(
        "Nrityaparva: Festival of Sattriya Dances, by Sruti Bandopadhay",
        "Narthaki, 2022",
        "https://narthaki.com/info/rev22/rev2815.html",
    ),
    # For the names in their own scripts.
    Source("Bharatanatyam", "Wiktionary", "https://en.wiktionary.org/wiki/Bharatanatyam"),
    Source("Kathak", "Kathak Darpan", "https://www.kathakdarpan.co.za/kathak/"),
    Source(
        "കഥകളി (Kathakali)",
        "Wikipedia",
        "https://ml.wikipedia.org/wiki/%E0%B4%95%E0%B4%A5%E0%B4%95%E0%B4%B3%E0%B4%BF",
    ),
    Source("Kuchipudi, a translated article of Wikipedia", "hmong.in.th", "https://hmong.in.th/wiki/Siddhendra_Yogi"),
    Source(
        "Dances of Manipur (of the Manipuri Rasa Leela), from Wikipedia",
        "infosekolah.net",
        "https://infosekolah.net/simple/Dances_of_Manipur",
    ),
    Source("Mohiniyattam", "Entay Malayalam", "http://entaymalayalam.org/mohinyattam.php"),
    Source("Odissi", "Wikipedia", "https://en.wikipedia.org/wiki/Odissi"),
    Source(
        "Sattriya",
        "Dream Dance Studio",
        "https://dreamdancestudio.com/support/knowledgebase.php?article=813",
    ),
)


@dataclass(frozen=True)
class Words:
    """What the page calls the classes of a model, and what it asks about a photo."""

    several: str
    question: str


def words_for(class_names: Sequence[str]) -> Words:
    """A visitor's own classes are no dances, unless all of them are forms that are known here."""
    if all(name in FORMS for name in class_names):
        return Words("forms", "Which dance is")
    return Words("classes", "Which one is")


def display_name(label: str) -> str:
    """What people read for a class: ``odissi`` -> ``Odissi``; a visitor's own class name stays as it is."""
    return FORMS[label].name if label in FORMS else label


def own_name(label: str) -> tuple[str, str] | None:
    """(the name of a form in its own script, the tag of its language), or None for other classes."""
    form = FORMS.get(label)
    return (form.own_name, form.own_language) if form else None
