echo file >file; mkdir -p directory sub; echo inside >directory/inside
ln -s file to-file; ln -s directory to-directory; ln -s /nowhere dangling; ln -s ../file sub/up; ln -s inside directory/again
