package dataset

import "strings"

// Given names and family names, the frequent ones first: an index drawn with a
// falling density gives frequent names their share.
var given = strings.Fields(`
Marie Jean Pierre Michel Nathalie Isabelle Catherine Philippe Nicolas Sylvie Christophe Françoise Laurent Sandrine Stéphane Valérie
David Véronique Sébastien Céline Frédéric Christine Thomas Julie Julien Camille Alexandre Léa Antoine Manon Maxime Chloé Hugo Emma
Lucas Inès Louis Jade Gabriel Louise Raphaël Alice Arthur Lina Jules Rose Adam Anna Mohamed Fatima Karim Samira Yanis Nour Mehdi
Amina Hélène Odile Solène Noémie Zoé Zélie Apolline Clémence Éloïse Margaux Maëlle Océane Pauline Mathilde Juliette Agathe
Victor Paul Simon Clément Baptiste Quentin Valentin Romain Guillaume Benoît François Gérard Alain Bernard Jacques André René Roger
Robert Marcel Henri Georges Émile Gaston Lucien Fernand Armand Achille Octave Colette Simone Jeanne Yvonne Germaine Suzanne Paulette
Denise Ginette Monique Jacqueline Nicole Danielle Brigitte Martine Chantal Annick Joëlle Mireille Huguette Bénédicte Aurélie Émilie
Élodie Mélanie Laëtitia Stéphanie Virginie Caroline Delphine Karine Corinne Florence Anne Claire Sophie Charlotte Élise Estelle
Anaïs Fanny Justine Laura Lucie Marion Morgane Ophélie Sarah Tatiana Ursule Viviane Wassila Xavier Yves Zacharie Timothée Théo
Tristan Ulysse Sylvain Sacha Samuel Rémi Régis Pascal Olivier Noël Maurice Matthieu Martin Marc Loïc Kévin Joseph Jérôme Ivan
Hervé Guy Grégoire Gilles Fabrice Étienne Éric Édouard Dominique Didier Denis Damien Daniel Cyril Cédric Charles Bruno Bastien
Aurélien Arnaud Aymeric Alexis Adrien Abel Jean-Pierre Jean-Luc Marie-Claire Anne-Sophie Marie-Christine Jean-Baptiste Pierre-Yves`)

var family = strings.Fields(`
Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefebvre Leroy Roux David Bertrand Morel
Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Muller Lefèvre Faure André Mercier Blanc Guérin Boyer Garnier
Chevalier François Legrand Gauthier Garcia Perrin Robin Clément Morin Nicolas Henry Roussel Mathieu Gautier Masson Marchand Duval
Denis Dumont Marie Lemaire Noël Meyer Dufour Meunier Brun Blanchard Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud
Martinez Gérard Roche Renard Schmitt Roy Leroux Colin Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud Dumas Lacroix Olivier
Philippe Bourgeois Pierre Benoît Rey Leclerc Payet Rolland Leclercq Guillaume Lecomte Lopez Jean Dupuy Guillot Hubert Berger
Carpentier Sanchez Dupuis Moulin Louis Deschamps Huet Vasseur Perez Boucher Fleury Royer Klein Jacquet Adam Paris Poirier Marty
Aubry Guyot Carré Charles Renault Charpentier Ménard Maillard Baron Bertin Bailly Hervé Schneider Fernandez Collet Léger Bouvier
Julien Prévost Millet Perrot Daniel Cousin Germain Breton Besson Langlois Rémy Pelletier Lévêque Perrier Leblanc Barré Lebrun
Marchal Weber Mallet Hamon Boulanger Jacob Monnier Michaud Rodriguez Guichard Gillet Étienne Grondin Poulain Tessier Chevallier
Collin Chauvin Bouchet Gay Lemaître Bénard Maréchal Humbert Reynaud Antoine Hoarau Perret Barthélemy Cordier Pichon Lejeune Gilbert
Lamy Delaunay Pasquier Carlier Laporte`)

// Syllables from which the long tail of family names is made.
var (
	heads = strings.Fields("Ba Be Bo Bra Bri Cha Cla Co Cre Da De Du Fa Fer Flo Ga Gri Gui Ha Hé Jo La Le Li Lou Ma Mé Mo Na No Pa Pe Pré Qué Ra Ri Ro Sa Sé So Ta Té Thi Tou Tri Va Vi Ya")
	cores = strings.Fields("bar ber bou cha che cou da der di dou fa ga gne gue la le lan lin lou ma me mi na ne ni pa pe que ra ri ron sa se sou ta te ti va ve vi")
	tails = strings.Fields("ault and ard aud eau el elle enet ent er ère et ette eux iau ic ier ière in ine not oin on ot oux uel ier y ais")
	towns = strings.Fields("Nantes Lyon Lille Rennes Bordeaux Dijon Metz Nancy Brest Tours Angers Reims Amiens Caen Rouen Pau Nîmes Arles Sète Albi Agen Auch Niort Cholet Laval Vannes Quimper Lorient Vichy Moulins Nevers Sens Troyes Colmar Belfort Annecy Valence Gap Digne Bastia")
	ways  = strings.Fields("Tanneurs Remparts Arcades Tilleuls Halles Lavoir Carmes Lices Théâtre Musée Ormeaux Vergers Moulins Prés Sources Vignes Acacias Écoles Pêcheurs Tisserands")
)
