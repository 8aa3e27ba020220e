"""Photos with the EXIF of many makers, written by Pillow, for readers of EXIF to be held against one another."""

import io
from fractions import Fraction

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

MAKERS = (
    ("Canon", "Canon EOS R6", "RF50mm F1.8 STM"), ("NIKON CORPORATION", "NIKON Z 6_2", "NIKKOR Z 24-70mm f/4 S"),
    ("SONY", "ILCE-7M4", "FE 85mm F1.8"), ("FUJIFILM", "X-T4", "XF35mmF1.4 R"), ("Panasonic", "DC-GH5", ""),
    ("OLYMPUS CORPORATION", "E-M1MarkIII", "OLYMPUS M.12-40mm F2.8"), ("Apple", "iPhone 13", "iPhone 13 back camera"),
    ("samsung", "SM-G991B", ""), ("Google", "Pixel 7", "Pixel 7 back camera 6.81mm"), ("Xiaomi", "M2012K11AG", ""),
    ("HUAWEI", "ELE-L29", ""), ("OnePlus", "LE2123", ""), ("vivo", "V2036", ""), ("OPPO", "CPH2207", ""),
    ("motorola", "moto g(60)", ""), ("LG Electronics", "LM-G710", ""), ("HMD Global", "Nokia 7.2", ""),
    ("PENTAX", "PENTAX K-3 Mark III", "HD PENTAX-DA 55mm"), ("RICOH IMAGING COMPANY, LTD.", "RICOH GR III", ""),
    ("LEICA CAMERA AG", "LEICA Q2", "SUMMILUX 1:1.7/28 ASPH."), ("Hasselblad", "L1D-20c", ""), ("DJI", "FC3170", ""),
    ("GoPro", "HERO9 Black", ""), ("SIGMA", "SIGMA fp", "45mm F2.8 DG DN"), ("KODAK", "EASYSHARE C1530", ""),
)  # fmt: skip


def exif_files() -> list[tuple[str, bytes]]:
    """(file name, bytes) of 50 photos: two of each maker, in both orders of bytes and three formats."""
    return [exif_file(number) for number in range(2 * len(MAKERS))]


def exif_file(number: int) -> tuple[str, bytes]:
    random = np.random.default_rng(number)
    make, model, lens = MAKERS[number % len(MAKERS)]
    exif = Image.Exif()
    exif.endian = "<" if number % 2 else ">"
    exif[0x010F], exif[0x0110], exif[0x0112] = make, model, int(random.integers(1, 9))
    exif[0x0131] = f"Firmware {number}.0" if number % 3 else "Adobe Photoshop 25.1 (Windows)"
    exif[0x0132] = f"2023:0{random.integers(1, 10)}:14 18:{random.integers(10, 60)}:09"
    if number % 4 == 0:
        exif[0x010E], exif[0x013B], exif[0x8298] = "Margazhi, day 3", "R. Iyer", "all rights reserved"
    photo = exif.get_ifd(0x8769)
    photo[0x829A] = rational(Fraction(1, int(random.integers(2, 4000))))
    photo[0x829D] = rational(Fraction(int(random.integers(14, 220)), 10))
    photo[0x8827] = int(random.integers(50, 12800))
    photo[0x8822], photo[0x9207], photo[0x9209] = 2, 5, int(random.choice([0, 16, 24]))
    photo[0x9003] = photo[0x9004] = f"2023:01:14 18:{random.integers(10, 60)}:0{random.integers(0, 10)}"
    photo[0x9011] = "+05:30"
    photo[0x9204] = rational(Fraction(int(random.integers(-6, 7)), 3))
    photo[0x920A], photo[0xA405] = rational(Fraction(int(random.integers(40, 2000)), 10)), int(random.integers(18, 400))
    photo[0xA002], photo[0xA003] = int(random.integers(64, 9000)), int(random.integers(64, 70000))
    photo[0xA402] = photo[0xA403] = photo[0xA406] = 0
    if lens:
        photo[0xA434], photo[0xA433] = lens, make
        photo[0xA431] = str(random.integers(1e6, 1e9))
    if number % 5 == 0:
        photo[0x9286] = b"ASCII\0\0\0taken from the third row"
    if number % 2:
        place = exif.get_ifd(0x8825)
        place[1], place[3] = str(random.choice(["N", "S"])), str(random.choice(["E", "W"]))
        place[2], place[4] = (
            tuple(rational(Fraction(int(random.integers(0, limit)), below)) for limit, below in angle)
            for angle in (((90, 1), (60, 1), (6000, 100)), ((180, 1), (60, 1), (6000, 100)))
        )
        place[29] = "2023:01:14"
    return saved(exif, number)


def rational(value: Fraction) -> IFDRational:
    return IFDRational(value.numerator, value.denominator)


def saved(exif: Image.Exif, number: int) -> tuple[str, bytes]:
    format = ("JPEG", "PNG", "WEBP")[number % 3]
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 90, 40)).save(buffer, format, exif=exif)
    return f"{number:02d}.{format.lower()}", buffer.getvalue()
