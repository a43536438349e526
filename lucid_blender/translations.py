"""The sidebar in other languages. Blender shows them where Preferences > Interface > Translation says so.

By language, context and the English text, which is the key: buttons of operators are in the context "Operator", all
else is in "*", texts with {names} for what is filled in, too. Options keep their names, which are those of papers.
In "*" Blender's own words go before these. So panels have the context "Lucid", where the words of "*" are, too.
"""

import bpy

GERMAN = {
    "*": {
        "{count} splats": "{count} Splats",
        "{count} steps": "{count} Schritte",
        "{done} of {all} steps": "{done} von {all} Schritten",
        "{time} left": "noch {time}",
        "Add to Prompt": "An Prompt anhängen",
        "All Options": "Alle Optionen",
        "Also Make a Mesh": "Auch ein Mesh",
        "Asking the hub": "Frage den Hub",
        "Ball": "Kugel",
        "Both wait for the run to end": "Beide warten auf das Ende des Laufs",
        "Bounds": "Umriss",
        "Box": "Quader",
        "Built-in": "Eingebaut",
        "Built-in Points": "Eingebaute Punkte",
        "Cameras": "Kameras",
        "Display": "Anzeige",
        "Distilling": "Destilliere",
        "Download {size}": "{size} herunterladen",
        "Downloaded": "Heruntergeladen",
        "Draft": "Entwurf",
        "Filming": "Filme",
        "From Preset": "Aus Vorgabe",
        "Gradient  {curve}": "Gradient  {curve}",
        "Guidance": "Führung",
        "History": "Verlauf",
        "In {time}": "In {time}",
        "Iterations": "Schritte",
        "Joining the process video": "Setze den Film zusammen",
        "Licence: {name}": "Lizenz: {name}",
        "Loading the model": "Lade das Modell",
        "Look": "Aussehen",
        "LoRA": "LoRA",
        "LoRAs": "LoRAs",
        "Lucid Dreamer": "Lucid Dreamer",
        "Lucid Dreamer Presets": "Vorgaben für Lucid Dreamer",
        "Mesh": "Mesh",
        "Meshing": "Mache das Mesh",
        "Model": "Modell",
        "Negative": "Negativ",
        "Network on {device}. Splats by {program}.": "Netz auf {device}. Splats von {program}.",
        "New Seed Each Time": "Jedes Mal neuer Startwert",
        "No Licence Named": "Keine Lizenz genannt",
        "Not chosen": "Nicht gewählt",
        "Objective": "Zielfunktion",
        "Other": "Anderes",
        "Other Model": "Anderes Modell",
        "Output": "Ausgabe",
        "Paper": "Wie im Artikel",
        "Paused at {done}": "Pause bei {done}",
        "Performance": "Leistung",
        "Picture": "Bild",
        "Points": "Punkte",
        "Preset": "Vorgabe",
        "Prompt": "Prompt",
        "Queue": "Warteschlange",
        "Seed": "Startwert",
        "Seed {seed}": "Startwert {seed}",
        "Set Guidance": "Führung einstellen",
        "Set Iterations": "Schritte einstellen",
        "Set Splats": "Splats einstellen",
        "Shape": "Form",
        "Show All Options": "Alle Optionen zeigen",
        "Show Colours": "Farben zeigen",
        "Splats": "Splats",
        "Standard": "Standard",
        "Start From": "Beginnen mit",
        "Starting": "Beginne",
        "Starting the backend": "Starte das Backend",
        "step {step}/{steps}": "Schritt {step}/{steps}",
        "Strength": "Stärke",
        "The built-in model does not know {words}. The magnifier lists what it knows.": (
            "Das eingebaute Modell kennt nicht: {words}. Die Lupe zeigt, was es kennt."
        ),
        "Trash": "Papierkorb",
        "Viewport": "Ansicht",
    },
    "Operator": {
        "Add": "Hinzufügen",
        "Add LoRA": "LoRA hinzufügen",
        "Add Settings Preset": "Vorgabe speichern",
        "Add to Queue": "In die Warteschlange",
        "Add to Scene": "In die Szene",
        "Apply Transform": "Transformation anwenden",
        "Apply Transform to Splats": "Transformation auf Splats anwenden",
        "Cancel": "Abbrechen",
        "Change a Picture with Prompt": "Ein Bild nach Prompt ändern",
        "Change a Picture...": "Ein Bild ändern...",
        "Choose LoRA": "LoRA wählen",
        "Choose Model": "Modell wählen",
        "Clear Queue": "Warteschlange leeren",
        "Continue": "Fortsetzen",
        "Continue...": "Weiterführen...",
        "Crop": "Zuschneiden",
        "Crop Splats": "Splats zuschneiden",
        "Delete Job": "Auftrag löschen",
        "Download": "Herunterladen",
        "Edit Splats with Prompt": "Splats nach Prompt ändern",
        "Edit with Prompt...": "Nach Prompt ändern...",
        "Empty Trash": "Papierkorb leeren",
        "Export": "Exportieren",
        "Export Splats": "Splats exportieren",
        "Export...": "Exportieren...",
        "Generate": "Erzeugen",
        "Hold Queue": "Warteschlange anhalten",
        "Import": "Importieren",
        "Import Splats": "Splats importieren",
        "Install Backend": "Backend installieren",
        "Join": "Verbinden",
        "Join Splats": "Splats verbinden",
        "Look Up": "Nachschlagen",
        "Mark as Asset": "Als Asset markieren",
        "Mark as Asset...": "Als Asset markieren...",
        "Mesh from Splats": "Mesh aus Splats",
        "Model's Page": "Seite des Modells",
        "Move in Queue": "In der Warteschlange verschieben",
        "Pause": "Pause",
        "Preferences": "Einstellungen",
        "Recolour": "Umfärben",
        "Recolour Splats": "Splats umfärben",
        "Regenerate": "Neu erzeugen",
        "Remove": "Entfernen",
        "Remove LoRA": "LoRA entfernen",
        "Remove from Queue": "Aus der Warteschlange nehmen",
        "Restore": "Wiederherstellen",
        "Resume": "Fortsetzen",
        "Resume from Folder...": "Aus Ordner fortsetzen...",
        "Splats...": "Splats...",
        "Start Queue": "Warteschlange starten",
        "Stop and Keep": "Beenden und behalten",
        "Take All from Preset": "Alles aus der Vorgabe",
        "Use Its Settings": "Dessen Einstellungen nehmen",
        "Use Settings": "Einstellungen nehmen",
        "Vary Seed": "Startwert ändern",
    },
}
LANGUAGES = {"de": GERMAN}
PANELS = "Lucid"  # their context


def register() -> None:
    table = {
        language: {
            (context, text): word
            for context, words in (*contexts.items(), (PANELS, contexts["*"]))
            for text, word in words.items()
        }
        for language, contexts in LANGUAGES.items()
    }
    bpy.app.translations.register(__package__, table)


def unregister() -> None:
    bpy.app.translations.unregister(__package__)
