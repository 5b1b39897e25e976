# Writes down what an archive has, as those who run one do: archive.sh FOLDER LABEL SUITE
#
# FOLDER/pool has its packages. No host may be reading meanwhile.
set -eu
umask 022
mkdir -p "$1/pool"
cd "$1"
label=$2 suite=$3
apt-ftparchive packages pool >Packages
apt-ftparchive -o "APT::FTPArchive::Release::Origin=Debian" -o "APT::FTPArchive::Release::Label=$label" \
    -o "APT::FTPArchive::Release::Suite=$suite" -o "APT::FTPArchive::Release::Codename=bookworm" \
    release . >Release.new
mv Release.new Release
